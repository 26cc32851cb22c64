-- Counts a batch of entries into the shared arrival times and grants what is free: the
-- rule of base::limit::ledger, with Redis's clock. Moments are whole microseconds, below
-- 2^53 and so exact. KEYS: the marker of this life, then a key per entry. ARGV: delta,
-- lead, floor, capacity, want, unit per entry. Returns the life, then backlog and grant
-- per entry.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local life = redis.call('GET', KEYS[1])
if not life then
  life = string.format('%.0f', now)
  redis.call('SET', KEYS[1], life)
end
local out = { tonumber(life) }
for i = 2, #KEYS do
  local at = (i - 2) * 6
  local delta, lead, floor = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local capacity, want, unit = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local arrival = tonumber(redis.call('GET', KEYS[i]) or '0')
  if floor > 0 then
    arrival = math.max(arrival, now + floor)
  end
  arrival = math.max(arrival + delta, now + lead, now)
  arrival = math.min(arrival, now + 2 * capacity)
  local granted = math.max(math.min(now + capacity - arrival, want), 0)
  granted = granted - granted % unit
  arrival = arrival + granted
  local backlog = arrival - now
  if backlog > 0 then
    local expiry = string.format('%.0f', math.ceil(backlog / 1000))
    redis.call('SET', KEYS[i], string.format('%.0f', arrival), 'PX', expiry)
  else
    redis.call('DEL', KEYS[i])
  end
  out[#out + 1] = backlog
  out[#out + 1] = granted
end
return out
