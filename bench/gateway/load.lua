-- wrk -s load.lua url -- METHOD TOKENS [THINK]: requests that are made once and sent in turn. TOKENS: a file with a token a line,
-- or `-`. Each user asks for an item of its own. THINK: milliseconds for which a connection rests before each request, on average; evenly
-- spread between none and twice as many, so that connections do not march in step.
local requests = {}
local turn = 0

function init(args)
  local method, file, think = args[1], args[2], tonumber(args[3])
  if think then
    math.randomseed(1)
    delay = function() return math.random(0, math.floor(2 * think + 0.5)) end
  end
  local tokens = {}
  if file ~= "-" then
    for token in io.lines(file) do tokens[#tokens + 1] = token end
  end
  local body = '{"name":"First flush Darjeeling, 2026 harvest","quantity":3,"price":21.75,"tags":["black","loose leaf","spring"],' ..
    '"note":"Please wrap it all as a present and leave the receipt out.","address":{"street":"12 Harbour Row","city":"Whitby","country":"GB"}}'
  for at = 1, math.max(#tokens, 1) do
    local headers = { ["Accept"] = "application/json", ["User-Agent"] = "bench/1" }
    if tokens[at] then headers["Authorization"] = "Bearer " .. tokens[at] end
    if method == "POST" then
      headers["Content-Type"] = "application/json"
      requests[at] = wrk.format("POST", "/api/items", headers, body)
    else
      requests[at] = wrk.format("GET", "/api/items/" .. at, headers)
    end
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
