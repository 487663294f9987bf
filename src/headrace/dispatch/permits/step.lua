-- One step of a shared permit log, atomic over all its windows: see step.py for what is asked and what is answered.
--
-- A window has three keys: a hash (marker, grants, born, spent, keep, last), a sorted set of who is under way by deadline, and
-- a stream of the instants at which requests were counted. None of them ever expires, and all exist from the beginning
-- on: where one is missing, data was lost. Where all are, it may be new; but whoever has seen an older marker knows that
-- it is not. What was spent before the data began is then unknown, so that the window is spent as a whole (spent = born)
-- until that can count no longer. Instants are microseconds of this server's clock.

local PAGE = 2000
local KEPT_HOURS = 48
local step = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1e6 + tonumber(time[2])

local function text(number) return string.format('%.0f', number) end

local windows = {}
for place, asked in ipairs(step.windows) do
  local first = 3 * place - 2
  local window = {asked = asked, state = KEYS[first], under_way = KEYS[first + 1], counted = KEYS[first + 2]}
  local found = redis.call('HMGET', window.state, 'marker', 'grants', 'spent', 'keep', 'last', 'born')
  window.marker = found[1] or ''
  window.grants = tonumber(found[2] or '0')
  window.spent = tonumber(found[3] or '0')
  window.keep = tonumber(found[4] or '0')
  window.born = tonumber(found[6] or '0')
  now = math.max(now, tonumber(found[5] or '0'))  -- a clock that was set back stands still until it has caught up
  windows[place] = window
end

local function begin(window)
  redis.call('DEL', window.state, window.under_way, window.counted)
  redis.call('ZADD', window.under_way, '+inf', '')
  redis.call('XADD', window.counted, '*', 'at', '0')
  window.marker, window.grants, window.spent, window.keep, window.born = step.fresh, 0, 0, 0, now
  redis.call('HSET', window.state, 'marker', window.marker, 'grants', '0', 'spent', '0', 'keep', '0', 'born', text(now))
end

-- Whatever makes a window fuller is a grant: claims are verified by their number.
local function grant(window)
  window.grants = redis.call('HINCRBY', window.state, 'grants', 1)
  redis.call('HSET', window.state, 'last', text(now))
end

local function count(window, at)
  local oldest = math.max(0, math.floor((now - window.keep) / 1000))
  redis.call('XADD', window.counted, 'MINID', '~', text(oldest), '*', 'at', text(at))
  redis.call('HSET', window.state, 'last', text(now))
end

for _, window in ipairs(windows) do
  local asked = window.asked
  local parts = redis.call('EXISTS', window.state, window.under_way, window.counted)
  -- Fewer grants than somebody has seen: an older copy of the data was restored.
  local is_older = asked.marker == window.marker and asked.grants > window.grants
  if parts < 3 or is_older then begin(window) end
  if window.spent == 0 and ((parts > 0 and parts < 3) or (asked.marker ~= '' and asked.marker ~= window.marker)) then
    window.spent = window.born
    redis.call('HSET', window.state, 'spent', text(window.spent))
  end
  if asked.keep > window.keep then
    window.keep = asked.keep
    redis.call('HSET', window.state, 'keep', text(window.keep))
  end
end

for _, held in ipairs(step.held) do
  for _, place in ipairs(held.places) do
    local window = windows[place + 1]
    if redis.call('ZADD', window.under_way, text(now + step.lease), held.name) == 1 then grant(window) end
  end
end

for _, window in ipairs(windows) do
  local lapsed = redis.call('ZRANGEBYSCORE', window.under_way, '-inf', text(now), 'WITHSCORES')
  for i = 1, #lapsed, 2 do
    redis.call('ZREM', window.under_way, lapsed[i])
    count(window, tonumber(lapsed[i + 1]) + step.linger)
  end
end

for _, ended in ipairs(step.ends) do
  for i, place in ipairs(ended.places) do
    local window = windows[place + 1]
    -- Under way in data that was lost since, it counts all the same; twice told, it does not.
    local is_known = redis.call('ZREM', window.under_way, ended.name) == 1
    if is_known or ended.markers[i] ~= window.marker then
      if not is_known and ended.ending ~= 'r' then grant(window) end
      local at = now - ended.age
      if ended.ending == 's' then count(window, at) end
      if ended.ending == 'l' then count(window, at + step.linger) end
    end
  end
end

local owners = 3 * #windows
for _, worked in ipairs(step.work) do
  redis.call('HINCRBY', KEYS[owners + worked.place + 1], text(worked.hour), text(worked.amount))
end

local is_granted = step.claim ~= cjson.null and now >= step.claim.not_before
if is_granted then
  for _, place in ipairs(step.claim.places) do
    local window = windows[place + 1]
    local unheard = window.grants - window.asked.grants
    if window.marker ~= window.asked.marker or unheard > step.claim.room then is_granted = false end
  end
end
if is_granted then
  for _, place in ipairs(step.claim.places) do
    local window = windows[place + 1]
    grant(window)
    redis.call('ZADD', window.under_way, text(now + step.lease), step.claim.name)
  end
end

local views = {}
for place, window in ipairs(windows) do
  local seen = window.marker == window.asked.marker and window.asked.seen or '0-0'
  local entries = redis.call('XRANGE', window.counted, '(' .. seen, '+', 'COUNT', PAGE)
  local counted = {}
  for i, entry in ipairs(entries) do
    counted[i] = entry[2][2]
    seen = entry[1]
  end
  local under_way = redis.call('ZCARD', window.under_way) - 1
  views[place] = {
    window.marker, text(window.grants), text(under_way), text(window.spent), seen, #entries == PAGE and 1 or 0, counted
  }
end

local work = {}
for place = 1, #KEYS - owners do
  local key = KEYS[owners + place]
  local hours = redis.call('HKEYS', key)
  table.sort(hours, function(a, b) return tonumber(a) < tonumber(b) end)
  for i = 1, #hours - KEPT_HOURS do redis.call('HDEL', key, hours[i]) end
  work[place] = redis.call('HGETALL', key)
end

return {text(now), is_granted and 1 or 0, views, work}
