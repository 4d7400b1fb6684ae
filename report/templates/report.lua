-- Numbers headings, figures, tables and equations in document order and resolves [@fig:x], [@tbl:x], [@sec:x], [@eq:x].
-- A link [§][heading], by a heading's words, becomes the heading's number.
-- The numbers become attributes of the elements, so every output format shows the same ones.
-- What cannot be resolved fails the build with its name.

local LABEL = { fig = "Figure", tbl = "Table", eq = "Equation" }
local counts = { fig = 0, tbl = 0, eq = 0 }
local section = {}            -- counters of the heading levels
local unnumbered_below        -- level of the unnumbered heading that we are in
local targets = {}            -- identifier -> text of a reference to it
local chapter = ""            -- title of the chapter that we are in
local faults = {}

local function fault(text)
  faults[#faults + 1] = text .. " (in the chapter “" .. chapter .. "”)"
end

local function enter_chapter(header)
  if header.level == 1 then
    chapter = pandoc.utils.stringify(header.content)
  end
end

local function define(identifier, text)
  if targets[identifier] then
    fault(identifier .. " is defined twice: give each item its own name")
  end
  targets[identifier] = text
end

local function next_number(kind, identifier)
  counts[kind] = counts[kind] + 1
  define(identifier, LABEL[kind] .. "\u{a0}" .. counts[kind])
  return tostring(counts[kind])
end

local function find_file(name)
  for _, folder in ipairs(PANDOC_STATE.resource_path) do
    local file = io.open(pandoc.path.join({ folder, name }), "rb")
    if file then
      file:close()
      return true
    end
  end
  return false
end

local function heading(header)
  enter_chapter(header)
  local level = header.level
  if unnumbered_below and level <= unnumbered_below then
    unnumbered_below = nil
  end
  if header.classes:includes("unnumbered") then
    unnumbered_below = unnumbered_below or level
  elseif unnumbered_below then
    header.classes:insert("unnumbered")
  end
  if header.classes:includes("unnumbered") then
    define(header.identifier, "“" .. pandoc.utils.stringify(header.content) .. "”")
    return header
  end
  section[level] = (section[level] or 0) + 1
  for deeper = level + 1, 6 do
    section[deeper] = 0
  end
  local parts = {}
  for upto = 1, level do
    parts[upto] = tostring(section[upto] or 0)
  end
  header.attributes.number = table.concat(parts, ".")
  define(header.identifier, (level == 1 and "Chapter\u{a0}" or "Section\u{a0}") .. header.attributes.number)
  return header
end

local function figure(div)
  local image, alt = div.attributes.image, div.attributes.alt
  for _, file in ipairs({ image, div.attributes.plotly }) do
    if not find_file(file) then
      fault(div.identifier .. ": " .. file .. " is not in the figures folder: run its notebook again")
    end
  end
  local attributes = { number = next_number("fig", div.identifier), plotly = div.attributes.plotly }
  local picture = pandoc.Image({}, image, "", { alt = alt, width = div.attributes.width .. "cm" })
  return pandoc.Figure({ pandoc.Plain({ picture }) }, { long = div.content },
    pandoc.Attr(div.identifier, div.attributes.plotly and { "interactive" } or {}, attributes))
end

local function captioned_table(div)
  local body = div.content:remove()
  if not body or body.t ~= "Table" then
    fault(div.identifier .. " holds no table after its caption")
    return div
  end
  body.caption = { long = div.content }
  body.attr = pandoc.Attr(div.identifier, {}, { number = next_number("tbl", div.identifier) })
  return body
end

local function equation(paragraph)
  local inlines = paragraph.content
  local last = inlines[#inlines]
  local identifier = last and last.t == "Str" and last.text:match("^{#(eq:[%w-]+)}$")
  if not identifier or inlines[1].t ~= "Math" then
    return nil
  end
  local attr = pandoc.Attr(identifier, { "equation" }, { number = next_number("eq", identifier) })
  return pandoc.Div({ pandoc.Para({ inlines[1] }) }, attr)
end

local function reference(cite)
  local text = pandoc.Inlines({})
  local resolved = 0
  for position, citation in ipairs(cite.citations) do
    local kind = citation.id:match("^(%a+):")
    if kind == "sec" or LABEL[kind] then
      resolved = resolved + 1
      if not targets[citation.id] then
        fault("unresolved reference [@" .. citation.id .. "]")
      end
      if position > 1 then
        text:insert(pandoc.Str(position == #cite.citations and " and " or ", "))
      end
      text:extend(citation.prefix)
      if #citation.prefix > 0 then
        text:insert(pandoc.Space())
      end
      text:insert(pandoc.Link(targets[citation.id] or "?", "#" .. citation.id))
      text:extend(citation.suffix)
    end
  end
  if resolved == 0 then
    return nil
  end
  if resolved < #cite.citations then
    fault("a reference and a citation share one pair of brackets at [@" .. cite.citations[1].id .. "]: part them")
  end
  return text
end

local function numbered_link(link)
  if pandoc.utils.stringify(link.content) == "§" then
    link.content = targets[link.target:sub(2)] or "?"
    return link
  end
end

return {
  {
    traverse = "topdown",
    Header = heading,
    Para = equation,
    Div = function(div)
      if div.identifier:match("^fig:") then
        return figure(div), false
      elseif div.identifier:match("^tbl:") then
        return captioned_table(div), false
      end
    end,
  },
  { traverse = "topdown", Header = enter_chapter, Cite = reference, Link = numbered_link },
  {
    Pandoc = function(doc)
      local unresolved = pandoc.utils.stringify(doc.blocks):match("%[§%]%b[]")
      if unresolved then
        fault("no heading has the words of the link " .. unresolved)
      end
      if #faults > 0 then
        io.stderr:write(table.concat(faults, "\n"), "\n")
        os.exit(65)
      end
    end,
  },
}
