-- What pandoc's Typst writer lacks: alternative texts of images and formulas, numbered equations, tables whose text
-- shrinks until no word must break, and the looks of printed output.

local TEXT_WIDTH_PT = 453
local CELL_PADDING_PT = 9
local EM_PER_CHARACTER = 0.48
local TABLE_SIZES_PT = { 9, 8, 7, 6.2 }
local ROWS_KEPT_TOGETHER = 15
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

local function longest_words(tbl)
  local longest = {}
  local function measure(rows)
    for _, row in ipairs(rows) do
      for column, cell in ipairs(row.cells) do
        for word in pandoc.utils.stringify(cell.contents):gmatch("%S+") do
          longest[column] = math.max(longest[column] or 1, math.min(utf8.len(word), UNBROKEN_WORD))
        end
      end
    end
  end
  measure(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do
    measure(body.body)
  end
  return longest
end

local function fitted_table(tbl)
  local characters, columns = 0, 0
  for _, length in pairs(longest_words(tbl)) do
    characters, columns = characters + length, columns + 1
  end
  local fitting
  for _, size in ipairs(TABLE_SIZES_PT) do
    fitting = size
    if characters * EM_PER_CHARACTER * size + columns * CELL_PADDING_PT <= TEXT_WIDTH_PT then
      break
    end
  end
  local opening = "#[#show table: set text(size: %gpt)\n#show table: break-words.with(%d)\n%s"
  local together = #tbl.bodies[1].body <= ROWS_KEPT_TOGETHER and "#show figure: set block(breakable: false)" or ""
  return {
    pandoc.RawBlock("typst", string.format(opening, fitting, UNBROKEN_WORD + 1, together)),
    tbl,
    pandoc.RawBlock("typst", "]"),
  }
end

local function code_block(block)
  if block.classes:includes("output") then
    return { pandoc.RawBlock("typst", "#output["), block, pandoc.RawBlock("typst", "]") }
  end
end

-- A figure that is all of a section stays under its heading, and does not float.
local function anchored(blocks)
  local found = pandoc.Blocks({})
  for i, block in ipairs(blocks) do
    local alone = block.t == "Figure" and i > 1 and blocks[i - 1].t == "Header"
    found:extend(alone and { pandoc.RawBlock("typst", "#anchored.update(true)"), block,
      pandoc.RawBlock("typst", "#anchored.update(false)") } or { block })
  end
  return found
end

return {
  { Div = function(div) if div.classes:includes("equation") then return equation(div) end end },
  { Math = inline_or_display, Image = image, Table = fitted_table, CodeBlock = code_block },
  { Blocks = anchored },
}
