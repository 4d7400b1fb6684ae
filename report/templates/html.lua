-- HTML: chapters that can be shown one by one, numbers and links at headings and captions, code that folds, tables that
-- fit or scroll in their box and become cards on a phone, Plotly's data, checks that show what was compared and lead to their row.

local TEXT_WIDTH_CM = 16
local OPEN_LINES = 6
local COLUMN_REM, CELL_PADDING_REM, EM_PER_CHARACTER = 46, 1.3, 0.64
local TABLE_REM, DENSE_REM = 0.88, 0.76
local CARD_COLUMNS = 3

local function escape(text)
  return (text:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;"):gsub('"', "&quot;"))
end

local function html(text)
  return pandoc.RawBlock("html", text)
end

local function take(element, name)
  local value = element.attributes[name]
  element.attributes[name] = nil
  return value
end

local function read(name)  -- in the folder of figures, where pandoc works
  local file = assert(io.open(name, "rb"))
  local content = file:read("a")
  file:close()
  return content
end

local function heading(header)
  local number = take(header, "number")
  if number then
    header.content:insert(1, pandoc.Span({ pandoc.Str(number) }, { class = "number" }))
    header.content:insert(2, pandoc.Space())
  end
  return header
end

local function label(caption, text)
  local first = caption.long[1]
  if first then
    first.content:insert(1, pandoc.Span({ pandoc.Str(text) }, { class = "label" }))
    first.content:insert(2, pandoc.Space())
  end
  return caption
end

-- The screen's column is wider than the printed page: a figure keeps its share of it, and stays readable on a phone.
local function image(picture)
  local width_cm = (picture.attributes.width or ""):match("^([%d.]+)cm$")
  if width_cm then
    picture.attributes.width = nil
    local share = math.min(100, 100 * tonumber(width_cm) / TEXT_WIDTH_CM)
    picture.attributes.style = string.format("width: %.0f%%; min-width: min(100%%, 20rem)", share)
    picture.attributes.decoding = "async"
  end
  return picture
end

local function chart(plotly)
  -- "<" would let data end the script element.
  local data = read(plotly):gsub("<", "\\u003c")
  return html('<div class="chart" hidden></div><script type="application/json">' .. data .. "</script>")
end

local function figure(fig)
  local number, plotly = take(fig, "number"), take(fig, "plotly")
  if not number then
    return nil
  end
  fig.caption = label(fig.caption, "Figure\u{a0}" .. number .. ".")
  if plotly then
    fig.content:insert(chart(plotly))
  end
  return fig
end

-- A picture or chart without number.
local function shown(div)
  local plotly, alt = take(div, "plotly"), take(div, "alt")
  local opening = '<figure class="shown">'
  if plotly then
    opening = '<figure class="shown interactive" aria-label="' .. escape(alt) .. '">'
    if #div.content == 0 then
      div.content:insert(html('<p class="instead">An interactive chart: ' .. escape(alt) .. ".</p>"))
    end
    div.content:insert(chart(plotly))
  end
  return { html(opening) } .. div.content .. { html("</figure>") }
end

local function check(span)
  local compared, row = take(span, "compared"), take(span, "row")
  if span.classes:includes("check") and not span.classes:includes("failed") then
    span.attributes.title = compared
    span.attributes["aria-label"] = "checked: " .. compared
    if not row then
      span.attributes.role = "img"
      span.attributes.tabindex = "0"
    end
  end
  return row and pandoc.Link(span.content, "#" .. row, "", span.attr) or span
end

local function each_row(tbl, act)
  for _, row in ipairs(tbl.head.rows) do
    act(row, true)
  end
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do
      act(row, false)
    end
  end
end

-- How wide a table of letters of a size is at least: what stands right is not broken, elsewhere words are not.
local function least_width(tbl, size)
  local longest, columns = {}, 0
  each_row(tbl, function(row)
    for column, cell in ipairs(row.cells) do
      local whole = tbl.colspecs[column] and tbl.colspecs[column][1] == "AlignRight"
      for piece in pandoc.utils.stringify(cell.contents):gmatch(whole and ".+" or "%S+") do
        longest[column] = math.max(longest[column] or 0, utf8.len(piece))
      end
    end
  end)
  local width = 0
  for _, length in pairs(longest) do
    width, columns = width + length * EM_PER_CHARACTER, columns + 1
  end
  return size * width + columns * CELL_PADDING_REM
end

-- What stands above each column; nothing where a head spans several. A DataFrame's index has a row of its own.
local function column_heads(tbl)
  local heads = {}
  for _, row in ipairs(tbl.head.rows) do
    for column, cell in ipairs(row.cells) do
      if cell.col_span > 1 then
        return {}
      end
      local words = pandoc.utils.stringify(cell.contents)
      heads[column] = heads[column] and heads[column] ~= "" and heads[column] or words
    end
  end
  return heads
end

local function scrolling_table(tbl)
  local number = take(tbl, "number")
  local name = number and "Table " .. number or "Table"
  if number then
    tbl.caption = label(tbl.caption, "Table\u{a0}" .. number .. ".")
  end
  if least_width(tbl, TABLE_REM) > COLUMN_REM then
    tbl.classes:insert("dense")
  end
  if least_width(tbl, DENSE_REM) > COLUMN_REM then
    tbl.classes:insert("broken")
  end
  local heads = column_heads(tbl)
  if #heads >= CARD_COLUMNS then
    tbl.classes:insert("cards")
    each_row(tbl, function(row, head)
      for column, cell in ipairs(row.cells) do
        if not head and heads[column] then
          cell.attributes["data-label"] = heads[column]
        end
      end
    end)
  end
  -- A region is a landmark, which needs a name of its own.
  local role = number and "region" or "group"
  return {
    html('<div class="scroll" role="' .. role .. '" tabindex="0" aria-label="' .. escape(name) .. '">'),
    tbl,
    html("</div>"),
  }
end

local function code_block(block)
  if block.classes:includes("behind") then
    block.classes = pandoc.List({ "python" })
    return { html('<div class="behind" hidden>'), block, html("</div>") }
  end
  if not block.classes:includes("source") and not block.classes:includes("definition") then
    return nil
  end
  local _, breaks = block.text:gsub("\n", "")
  local lines = breaks == 0 and "1 line" or (breaks + 1) .. " lines"
  local named = block.classes:includes("definition") and ("\n" .. block.text):match("\n%l+ ([%w_]+)")
  local told = named and "Code of <code>" .. named .. "</code>" or "Code"
  local opening = breaks < OPEN_LINES and "<details open" or "<details"
  return {
    html(opening .. ' class="code"><summary>' .. told .. " <small>" .. lines .. "</small></summary>"), block,
    html("</details>"),
  }
end

local function chapters(doc)
  local blocks, open = pandoc.Blocks({}), false
  for _, block in ipairs(doc.blocks) do
    if block.t == "Header" and block.level == 1 then
      blocks:insert(html((open and "</section>" or "") .. '<section class="chapter">'))
      open = true
    end
    blocks:insert(block)
  end
  if open then
    blocks:insert(html("</section>"))
  end
  doc.blocks = blocks
  return doc
end

local function marked(div)
  if div.classes:includes("equation") then
    div.content:insert(pandoc.Plain({ pandoc.Str("(" .. take(div, "number") .. ")") }))
    return div
  elseif div.classes:includes("shown") then
    return shown(div)
  end
end

return { {
  Header = heading, Image = image, Figure = figure, Table = scrolling_table, CodeBlock = code_block, Div = marked,
  Span = check,
}, { Pandoc = chapters } }
