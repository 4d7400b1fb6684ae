-- HTML: numbers and links at headings and captions, code that folds, tables that scroll in their box, Plotly's data.

local TEXT_WIDTH_CM = 16

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

local function read(name)
  for _, folder in ipairs(PANDOC_STATE.resource_path) do
    local file = io.open(pandoc.path.join({ folder, name }), "rb")
    if file then
      local content = file:read("a")
      file:close()
      return content
    end
  end
  error(name .. " is missing from the resource path")
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
  end
  return picture
end

local function figure(fig)
  local number, plotly = take(fig, "number"), take(fig, "plotly")
  if not number then
    return nil
  end
  fig.caption = label(fig.caption, "Figure\u{a0}" .. number .. ".")
  if plotly then
    -- "<" would let data end the script element.
    local data = read(plotly):gsub("<", "\\u003c")
    fig.content:insert(html('<div class="chart" hidden></div><script type="application/json">' .. data .. "</script>"))
  end
  return fig
end

local function scrolling_table(tbl)
  local number = take(tbl, "number")
  local name = number and "Table " .. number or "Table"
  if number then
    tbl.caption = label(tbl.caption, "Table\u{a0}" .. number .. ".")
  end
  return {
    html('<div class="scroll" role="region" tabindex="0" aria-label="' .. escape(name) .. '">'),
    tbl,
    html("</div>"),
  }
end

local function code_block(block)
  if not block.classes:includes("source") then
    return nil
  end
  local _, breaks = block.text:gsub("\n", "")
  local lines = breaks == 0 and "1 line" or (breaks + 1) .. " lines"
  return { html('<details class="code"><summary>Code <small>' .. lines .. "</small></summary>"), block, html("</details>") }
end

local function equation(div)
  if div.classes:includes("equation") then
    div.content:insert(pandoc.Plain({ pandoc.Str("(" .. take(div, "number") .. ")") }))
    return div
  end
end

return { { Header = heading, Image = image, Figure = figure, Table = scrolling_table, CodeBlock = code_block, Div = equation } }
