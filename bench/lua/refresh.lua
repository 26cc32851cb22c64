-- Refreshes a session over and over: each loading thread has one connection and begins
-- with a line of the first file, a refresh token; each answer gives it the next.
local token
bad = 0

function init(args)
  local at = 0
  for line in io.lines(args[1]) do
    if at == number then token = line end
    at = at + 1
  end
end

function request()
  local headers = { ["Content-Type"] = "application/json", Host = wrk.headers["Host"] }
  return wrk.format("POST", nil, headers, '{"refresh_token":"' .. token .. '"}')
end

function response(status, _, body)
  local next = body:match('"refresh_token":"([^"]+)"')
  if status == 200 and next then token = next else bad = bad + 1 end
end
