-- wrk -s load.lua url -- BYTES: GETs where BYTES is 0, else POSTs of a JSON body of about that size. No two bodies are alike
-- within a turn of 4,096 (512 of the largest), nor two targets: nobody gains by remembering one. The header fields are the same
-- throughout, as a client's are, but for the length of the body.
local requests = {}
local turn = 0
local words = {}
for word in ([[amber basket candle dinner engine forest garden harbour island jacket kettle ladder meadow needle orange
  pepper quarry ribbon saddle timber umbrella velvet window yellow zebra apricot biscuit copper dolphin emerald feather ginger
  hazel ivory jasmine kitchen lantern marble nutmeg oyster pillow quilt raisin silver teapot violet walnut]]):gmatch("%a+") do
  words[#words + 1] = word
end

local function text(length)
  local parts = {}
  local size = 0
  while size < length do
    local word = words[math.random(#words)]
    parts[#parts + 1] = word
    size = size + #word + 1
  end
  return table.concat(parts, " ")
end

local function item(length)
  return string.format('{"sku":"T-%d","quantity":%d,"price":%d.%02d,"note":"%s"}', math.random(10000, 99999), math.random(9),
    math.random(90), math.random(0, 99), text(length))
end

local function body(bytes)
  local head = string.format('{"name":"%s","email":"%s@%s.example","comment":"%s","items":[', text(12), text(4):gsub(" ", "."),
    words[math.random(#words)], text(40))
  local items = {}
  local size = #head + 2
  local note = bytes > 10000 and 600 or 40
  repeat
    local one = item(note)
    items[#items + 1] = one
    size = size + #one + 1
  until size + note > bytes
  return head .. table.concat(items, ",") .. "]}"
end

function init(args)
  math.randomseed(20260101)
  local bytes = tonumber(args[1])
  local headers = { ["Host"] = "shop.example", ["Accept"] = "application/json", ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64)" }
  if bytes > 0 then headers["Content-Type"] = "application/json" end
  for at = 1, bytes > 10000 and 512 or 4096 do
    if bytes > 0 then requests[at] = wrk.format("POST", "/api/items", headers, body(bytes))
    else requests[at] = wrk.format("GET", "/api/items/" .. math.random(100000) .. "?sort=" .. words[math.random(#words)], headers) end
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
