-- POSTs the lines of the first file in turn and looks for the second argument, the
-- member of a good answer, in every body.
local written, member = {}, nil
bad = 0
local sent = 0

function init(args)
  member = '"' .. args[2] .. '"'
  for body in io.lines(args[1]) do
    local headers = { ["Content-Type"] = "application/json", Host = wrk.headers["Host"] }
    written[#written + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  sent = sent + 1
  return written[sent % #written + 1]
end

function response(status, _, body)
  if status ~= 200 or not body:find(member, 1, true) then bad = bad + 1 end
end
