-- A different access token each time: the lines of the first file, in the order of the
-- line numbers in the second, or one after the other. Every request is written before
-- the clock starts.
local written, order = {}, {}
local sent = 0

function init(args)
  for token in io.lines(args[1]) do
    written[#written + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token, Host = wrk.headers["Host"] })
  end
  if args[2] then
    for number in io.lines(args[2]) do order[#order + 1] = written[tonumber(number)] end
  else
    order = written
  end
end

function request()
  sent = sent + 1
  return order[(sent - 1) % #order + 1]
end
