-- Numbers headings, figures, tables and equations in document order and resolves [@fig:x], [@tbl:x], [@sec:x], [@eq:x].
-- A link to the name of a figure or table, [the series](#nab-series), says its number; one to a key of the bibliography,
-- [Lavin & Ahmad 2015](#lavin2015evaluating), leads to the entry and cites it. Links to headings stay.
-- A link [§][heading], by a heading's words, becomes the heading's number, and so does [§](#asked:chapter:question), which
-- stands for the heading above a quoted question; both are spelt in lower-case letters and digits alone.
-- The numbers become attributes of the elements, so every output format shows the same ones.
-- What cannot be resolved fails the build with its name.

local LABEL = { fig = "Figure", tbl = "Table", eq = "Equation" }
local counts = { fig = 0, tbl = 0, eq = 0 }
local section = {}            -- counters of the heading levels
local unnumbered_below        -- level of the unnumbered heading that we are in
local targets = {}            -- identifier -> text of a reference to it
local identifiers = {}        -- of all elements
local sources = {}            -- key in the bibliography -> its CSL entry
local quoted = {}             -- quoted question, with its chapter -> identifier of the heading above
local cited = pandoc.List({}) -- citations by links
local chapter = ""            -- title of the chapter that we are in
local cell = ""               -- where in the notebooks we are
local heading_above = ""      -- identifier of the last heading
local faults = {}

local function fault(text)
  local place = cell:find(", cell ", 1, true) and cell .. ": " or ""
  faults[#faults + 1] = place .. text .. " (in the chapter “" .. chapter .. "”)"
end

local function spelt(text)
  return (text:lower():gsub("[^a-z0-9]", ""))
end

local function enter_chapter(header)
  if header.level == 1 then
    chapter = pandoc.utils.stringify(header.content)
  end
end

local function enter_cell(div)
  if div.classes:includes("cell") then
    cell = div.attributes.key
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

local function is_file(name)  -- in the folder of figures, where pandoc works
  local file = io.open(name, "rb")
  return file and file:close()
end

local function heading(header)
  enter_chapter(header)
  heading_above = header.identifier
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
    if not is_file(file) then
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

local function quotation(quote)
  for _, block in ipairs(quote.content) do
    quoted[spelt(chapter) .. ":" .. spelt(pandoc.utils.stringify(block))] = heading_above
  end
end

local function item_link(link, text)
  local said = pandoc.utils.stringify(link.content)
  if said == "Figure" or said == "Table" then
    link.content = text
  else
    link.content:extend({ pandoc.Space(), pandoc.Str("(" .. text .. ")") })
  end
  return link
end

local function source_link(link, key)
  local source = sources[key]
  local author, date = source.author and source.author[1] or {}, source.issued and source.issued["date-parts"]
  cited:insert(pandoc.Citation(key, "NormalCitation"))
  link.target = "#ref-" .. key
  link.attributes.cited = key
  link.attributes.author = pandoc.utils.stringify(author.family or author.literal or "")
  link.attributes.year = date and tostring(date[1][1])
  return link
end

local function section_link(link)
  local question = link.target:match("^#asked:(.+)")
  if question then
    if not quoted[question] then
      fault("no block quote has the words of the question “" .. question .. "”")
    end
    link.target = "#" .. (quoted[question] or "")
  end
  link.content = targets[link.target:sub(2)] or "?"
  return link
end

local function resolved_link(link)
  local name = link.target:match("^#(.+)")
  if not name then
    return nil
  end
  if pandoc.utils.stringify(link.content) == "§" then
    return section_link(link)
  end
  local meanings = pandoc.List({ targets["fig:" .. name] or false, targets["tbl:" .. name] or false,
    sources[name] and "a source of the bibliography" or false, identifiers[name] and "a heading" or false })
    :filter(function(meant) return meant end)
  local said = "[" .. pandoc.utils.stringify(link.content) .. "](#" .. name .. ")"
  if #meanings == 0 then
    fault("unresolved link " .. said .. ": no figure, table, source of the bibliography or heading has this name")
  elseif #meanings > 1 then
    fault("the link " .. said .. " may mean " .. table.concat(meanings, " or ") .. ": rename one")
  elseif targets["fig:" .. name] or targets["tbl:" .. name] then
    link.target = targets["fig:" .. name] and "#fig:" .. name or "#tbl:" .. name
    return item_link(link, meanings[1])
  elseif sources[name] then
    return source_link(link, name)
  end
end

local function note_identifiers(doc)
  local function note(element)
    if element.identifier ~= "" then
      identifiers[element.identifier] = true
    end
  end
  doc:walk({ Header = note, Div = note, Span = note, CodeBlock = note, Code = note, Figure = note, Table = note,
    Link = note, Image = note })
end

local function note_sources(doc)
  local all = pandoc.MetaInlines({ pandoc.Cite({ pandoc.Str("") }, { pandoc.Citation("*", "NormalCitation") }) })
  local asking = pandoc.Pandoc({}, { bibliography = doc.meta.bibliography, nocite = all })
  for _, source in ipairs(pandoc.utils.references(asking)) do
    sources[source.id] = source
  end
end

return {
  {
    traverse = "topdown",
    Header = heading,
    Para = equation,
    BlockQuote = quotation,
    Div = function(div)
      enter_cell(div)
      if div.identifier:match("^fig:") then
        return figure(div), false
      elseif div.identifier:match("^tbl:") then
        return captioned_table(div), false
      end
    end,
  },
  { Pandoc = function(doc) note_identifiers(doc) note_sources(doc) chapter, cell = "", "" end },
  { traverse = "topdown", Header = enter_chapter, Div = enter_cell, Cite = reference, Link = resolved_link },
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
      if #cited > 0 then
        local others = doc.meta.nocite or pandoc.Inlines({})
        doc.meta.nocite = pandoc.MetaInlines(others .. { pandoc.Cite({ pandoc.Str("") }, cited) })
      end
      return doc
    end,
  },
}
