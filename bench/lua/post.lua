-- POSTs the lines of the first file in turn, a line with a tab as the bearer of what stands
-- before it, and looks for the second argument, the
-- member of a good answer, in every body. With a third argument each request says that
-- it comes from another address.
local written, member, spread = {}, nil, false
local sent = 0
bad = 0

local function headers()
  return {
    ["Content-Type"] = "application/json",
    Host = wrk.headers["Host"],
    Authorization = wrk.headers["Authorization"],
  }
end

local function post(line)
  local of = headers()
  local token, body = line:match("^([^\t]+)\t(.*)$")
  if token then of["Authorization"] = "Bearer " .. token end
  return wrk.format("POST", nil, of, body or line)
end

function init(args)
  member = '"' .. args[2] .. '"'
  spread = args[3] ~= nil
  for body in io.lines(args[1]) do
    written[#written + 1] = spread and body or post(body)
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
