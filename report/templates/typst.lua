-- What pandoc's Typst writer lacks: alternative texts of images and formulas, numbered equations, tables whose text
-- shrinks until no word must break, the looks of printed output, checks, and what a chapter opens with. What is for the
-- screen alone is left out.

local TEXT_WIDTH_PT = 453
local CELL_PADDING_PT = 9
local EM_PER_CHARACTER = 0.48
local TABLE_SIZES_PT = { 9, 8, 7, 6.2 }
local ROWS_KEPT_TOGETHER, CHARACTERS_KEPT_TOGETHER = 15, 1200
local DENSE_SIZE_PT, DENSE_PADDING_PT = 7.5, 6
local UNBROKEN_WORD = 30

local function quoted(text)
  return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("%s+", " ") .. '"'
end

local function formula(math, arguments)
  local typst = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ pandoc.Math("InlineMath", math.text) }) }), "typst")
  return string.format("#math.equation(%salt: %s, %s)", arguments, quoted(math.text), typst:gsub("%s+$", ""))
end

local function inline_or_display(math)
  local block = math.mathtype == "DisplayMath" and "block: true, " or "block: false, "
  return pandoc.RawInline("typst", formula(math, block))
end

local function equation(div)
  local math = div.content[1].content[1]
  local numbered = formula(math, 'block: true, numbering: "(1)", ')
  return pandoc.RawBlock("typst", numbered .. " <" .. div.identifier .. ">")
end

local function image(picture)
  local width = picture.attributes.width and ", width: " .. picture.attributes.width or ""
  local alt = picture.attributes.alt or pandoc.utils.stringify(picture.caption)
  return pandoc.RawInline("typst", string.format("#image(%s, alt: %s%s)", quoted(picture.src), quoted(alt), width))
end

local function each_cell(tbl, act)
  local function visit(rows)
    for _, row in ipairs(rows) do
      for column, cell in ipairs(row.cells) do
        act(column, pandoc.utils.stringify(cell.contents))
      end
    end
  end
  visit(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do
    visit(body.body)
  end
end

-- The letters of each column's longest word and longest cell.
local function longest(tbl)
  local words, cells = {}, {}
  each_cell(tbl, function(column, text)
    words[column], cells[column] = words[column] or 1, math.max(cells[column] or 1, utf8.len(text))
    for word in text:gmatch("%S+") do
      words[column] = math.max(words[column], math.min(utf8.len(word), UNBROKEN_WORD))
    end
  end)
  return words, cells
end

local function sum(numbers)
  local total = 0
  for _, number in ipairs(numbers) do
    total = total + number
  end
  return total
end

-- A long table of text, small and close: each column has room for its longest word, long cells share the rest.
local function dense_table(tbl, words, cells)
  local room = (TEXT_WIDTH_PT - #words * DENSE_PADDING_PT) / (EM_PER_CHARACTER * DENSE_SIZE_PT)
  local wanted = {}
  for column, length in ipairs(cells) do
    wanted[column] = math.sqrt(length - words[column])
  end
  local share = math.max(0, room - sum(words)) / math.max(1, sum(wanted))
  for column, spec in ipairs(tbl.colspecs) do
    local letters = words[column] + share * wanted[column]
    spec[2] = (letters * EM_PER_CHARACTER * DENSE_SIZE_PT + DENSE_PADDING_PT) / TEXT_WIDTH_PT
  end
  return { pandoc.RawBlock("typst", "#dense-table(" .. DENSE_SIZE_PT .. "pt)["), tbl, pandoc.RawBlock("typst", "]") }
end

local function text_length(tbl)
  return utf8.len(pandoc.utils.stringify(pandoc.Blocks({ tbl })))
end

local function fitted_table(tbl)
  local words, cells = longest(tbl)
  local characters, columns = sum(words), #words
  local long = #tbl.bodies[1].body > ROWS_KEPT_TOGETHER or tbl.identifier:match("^tbl:scorecard")
  local wraps = sum(cells) * EM_PER_CHARACTER * TABLE_SIZES_PT[1] > TEXT_WIDTH_PT
  local fits = characters * EM_PER_CHARACTER * DENSE_SIZE_PT + columns * DENSE_PADDING_PT <= TEXT_WIDTH_PT
  if long and wraps and fits then
    return dense_table(tbl, words, cells)
  end
  local fitting
  for _, size in ipairs(TABLE_SIZES_PT) do
    fitting = size
    if characters * EM_PER_CHARACTER * size + columns * CELL_PADDING_PT <= TEXT_WIDTH_PT then
      break
    end
  end
  -- What is too wide at the smallest size, a data frame of many columns, has its words broken.
  local room = (TEXT_WIDTH_PT - columns * CELL_PADDING_PT) / (EM_PER_CHARACTER * fitting)
  local unbroken = characters <= room and UNBROKEN_WORD or math.max(3, math.floor(room / columns))
  local opening = "#[#show table: set text(size: %gpt)\n#show table: break-words.with(%d)\n%s\n%s"
  local short = #tbl.bodies[1].body <= ROWS_KEPT_TOGETHER and text_length(tbl) <= CHARACTERS_KEPT_TOGETHER
  local together = short and "#show figure: set block(breakable: false)" or ""
  local counted = tbl.attributes.number and "" or "#set figure(numbering: none)"
  return {
    pandoc.RawBlock("typst", string.format(opening, fitting, unbroken + 1, together, counted)),
    tbl,
    pandoc.RawBlock("typst", "]"),
  }
end

local function code_block(block)
  if block.classes:includes("behind") then
    return {}
  end
  if block.classes:includes("output") then
    return { pandoc.RawBlock("typst", "#output["), block, pandoc.RawBlock("typst", "]") }
  end
end

local function check(span)
  if span.classes:includes("failed") then
    return pandoc.RawInline("typst", "#failed-check(" .. quoted(pandoc.utils.stringify(span.content)) .. ")")
  elseif span.classes:includes("check") or span.classes:includes("sign") then
    return pandoc.RawInline("typst", "#check")
  end
end

-- Typst would set three dots closer together; what the author wrote so is an ellipsis by now, and this is data.
local function dots(str)
  if not str.text:find("...", 1, true) then
    return nil
  end
  local found = pandoc.Inlines({})
  local rest = str.text:gsub("(.-)%.%.%.", function(before)
    found:extend({ pandoc.Str(before), pandoc.RawInline("typst", "\\.\\.\\.") })
    return ""
  end)
  found:insert(pandoc.Str(rest))
  return found
end

-- A cell or list item that begins with a mark of Typst's lists or headings is text: pandoc escapes those of paragraphs alone.
local function begins_with_text(plain)
  local first, after = plain.content[1], plain.content[2]
  local alone = first and first.t == "Str" and (not after or after.t == "Space" or after.t == "SoftBreak")
  if alone and (first.text:match("^[-+/]$") or first.text:match("^=+$") or first.text:match("^%d+%.$")) then
    plain.content:insert(1, pandoc.RawInline("typst", "\\"))
    return plain
  end
end

local function within(call, blocks)
  return { pandoc.RawBlock("typst", "#" .. call .. "[") } .. blocks .. { pandoc.RawBlock("typst", "]") }
end

local function with_page(link)
  return { link, pandoc.RawInline("typst", "#page-of(label(" .. quoted(link.target:sub(2)) .. "))") }
end

local function answer(link)
  return link.classes:includes("answer") and with_page(link) or nil
end

local function marked(div)
  if div.classes:includes("equation") then
    return equation(div)
  elseif div.classes:includes("questions") then
    return within("questions", div:walk({ Link = with_page }).content)
  end
  if div.classes:includes("screen") then
    return {}
  end
  for _, look in ipairs({ "note", "lead", "panel", "abstract" }) do
    if div.classes:includes(look) then
      local blocks = within(look, div.content)
      if div.identifier ~= "" then
        blocks[#blocks] = pandoc.RawBlock("typst", "] <" .. div.identifier .. ">")
      end
      return blocks
    end
  end
  if div.classes:includes("shown") then
    if #div.content > 0 then
      return within("shown", div.content)
    end
    local told = "An interactive chart stands here in the HTML document: " .. div.attributes.alt .. "."
    return pandoc.Para({ pandoc.Emph({ pandoc.Str(told) }) })
  end
end

-- A chapter's figures stand in it; one that is all of a section stays under its heading, and does not float.
local function placed(blocks)
  local found = pandoc.Blocks({})
  for i, block in ipairs(blocks) do
    if block.t == "Header" and block.level == 1 then
      found:insert(pandoc.RawBlock("typst", "#place.flush()"))
    end
    local alone = block.t == "Figure" and i > 1 and blocks[i - 1].t == "Header"
    found:extend(alone and { pandoc.RawBlock("typst", "#anchored.update(true)"), block,
      pandoc.RawBlock("typst", "#anchored.update(false)") } or { block })
  end
  return found
end

return {
  { Div = marked, Link = answer },
  { Plain = begins_with_text },
  { Span = check, Str = dots, Math = inline_or_display, Image = image, Table = fitted_table, CodeBlock = code_block },
  { Blocks = placed },
}
