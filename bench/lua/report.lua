-- The end of every script: one line that the harness reads. `bad` belongs to the
-- loading thread; the report is made outside of it.
local loader

function setup(thread)
  loader = thread
end

function done(summary, latency)
  local errors = summary.errors
  local socket = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("BENCH %d %d %d %d %d %d %d\n",
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    socket, errors.status, loader:get("bad") or 0))
end
