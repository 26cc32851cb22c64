-- POSTs the lines of the first file in turn and looks for the second argument, the
-- member of a good answer, in every body. With a third argument each request says that
-- it comes from another address.
local written, member, spread = {}, nil, false
local sent = 0
bad = 0

local function headers()
  return { ["Content-Type"] = "application/json", Host = wrk.headers["Host"] }
end

function init(args)
  member = '"' .. args[2] .. '"'
  spread = args[3] ~= nil
  for body in io.lines(args[1]) do
    written[#written + 1] = spread and body or wrk.format("POST", nil, headers(), body)
  end
end

function request()
  sent = sent + 1
  local next = written[sent % #written + 1]
  if not spread then return next end
  local from = headers()
  from["X-Forwarded-For"] = string.format("10.%d.%d.%d", math.random(0, 255), math.random(0, 255), math.random(1, 254))
  return wrk.format("POST", nil, from, next)
end

function response(status, _, body)
  if status ~= 200 or not body:find(member, 1, true) then bad = bad + 1 end
end
