-- The end of every script: one line that the harness reads. `bad` belongs to each
-- loading thread, which knows its `number`; the report is made outside of them.
local loaders = {}

function setup(thread)
  thread:set("number", #loaders)
  loaders[#loaders + 1] = thread
end

function done(summary, latency)
  local errors = summary.errors
  local socket = errors.connect + errors.read + errors.write + errors.timeout
  local bad = 0
  for _, loader in ipairs(loaders) do bad = bad + (loader:get("bad") or 0) end
  io.write(string.format("BENCH %d %d %d %d %d %d %d\n",
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    socket, errors.status, bad))
end
