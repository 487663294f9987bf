-- The permit log as one atomic step in Redis: the rules of `Slots` and `History`, by the server's clock.
--
-- KEYS: marker, lost, number; then for every window: counted, open.
--   counted  sorted set of leases by the instant at which the API has counted them, at the latest (it may lie ahead)
--   open     sorted set of leases that have no end yet, by the instant from which they count as lost
-- ARGV: verb, the marker that the caller knows ('' for none), a marker to set where there is none, linger; then the
-- verb's own.

local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local verb, known, fresh, linger = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local KEPT_SECONDS = 172800

-- What was spent is lost when the marker is not the one that somebody saw: every window then counts as spent until now.
local function look_for_loss()
    local marker = redis.call('GET', KEYS[1])
    if marker ~= known and known ~= '' then
        redis.call('SET', KEYS[2], now, 'EX', KEPT_SECONDS)
    end
    if not marker then
        marker = fresh
    end
    redis.call('SET', KEYS[1], marker, 'EX', KEPT_SECONDS)
    return marker, tonumber(redis.call('GET', KEYS[2]) or '-1e18')
end

local function windows(first, each)
    local found = {}
    for place = 1, (#KEYS - 3) / 2 do
        local one = { counted = KEYS[2 + 2 * place], open = KEYS[3 + 2 * place] }
        for index, name in ipairs(each) do
            one[name] = tonumber(ARGV[first + (place - 1) * #each + index - 1])
        end
        found[place] = one
    end
    return found
end

-- Whoever has not ended a permit in time is dead, or cut off: it is lost from then on.
local function expire(window)
    for _, lease in ipairs(redis.call('ZRANGEBYSCORE', window.open, '-inf', now)) do
        local lost_at = tonumber(redis.call('ZSCORE', window.open, lease))
        redis.call('ZADD', window.counted, lost_at + linger, lease)
        redis.call('ZREM', window.open, lease)
    end
    redis.call('ZREMRANGEBYSCORE', window.counted, '-inf', now - 2 * window.hold)
end

local function instants(window, since)
    local found = redis.call('ZRANGEBYSCORE', window.counted, '(' .. since, '+inf', 'WITHSCORES')
    local scores = {}
    for place = 2, #found, 2 do
        scores[#scores + 1] = tonumber(found[place])
    end
    return scores
end

-- See `History.free_at`: the first instant from which every beginning of the server's window leaves `spare`.
local function decayed_at(scores, hold, spare)
    local buckets, number = {}, 0
    for _, at in ipairs(scores) do
        local last = buckets[#buckets]
        if not last or at - last.since > hold / 200 then
            last = { since = at, at = at, number = 0 }
            buckets[#buckets + 1] = last
        end
        last.at, last.number, number = at, last.number + 1, number + 1
    end
    local free_at, before, since, joined, left = now, 0, number, 1, 1
    while left <= #buckets and number > spare do
        local joins = joined <= #buckets and buckets[joined].at or math.huge
        local is_joining = joins <= buckets[left].at + hold
        local begins = is_joining and joins or buckets[left].at + hold
        local is_over = before + since <= spare
        if begins >= free_at and is_over then
            break
        end
        if not is_over then
            local decay = 1
            if since <= spare then
                decay = before > 0 and math.max(0, 1 - (spare - since) / before) or 0
            end
            free_at = math.max(free_at, begins + hold * decay)
        end
        if is_joining then
            before, since, joined = before + buckets[joined].number, since - buckets[joined].number, joined + 1
        else
            before, left = before - buckets[left].number, left + 1
        end
    end
    return free_at
end

-- Return the instant from which a window has room; infinity where only an answer can tell.
local function free_at(window, lost_at)
    local open = redis.call('ZCARD', window.open)
    local counted = redis.call('ZCOUNT', window.counted, '(' .. (now - window.hold), '+inf')
    local at = lost_at + window.hold
    local excess = open + counted + 1 - window.calls
    if excess > counted then
        return math.huge
    end
    if excess > 0 then
        local found = redis.call('ZRANGEBYSCORE', window.counted, '(' .. (now - window.hold), '+inf', 'WITHSCORES',
            'LIMIT', excess - 1, 1)
        at = math.max(at, tonumber(found[2]) + window.hold)
    end
    if window.safe == 1 then
        local past, ahead, first = {}, 0, nil
        for _, score in ipairs(instants(window, now - 2 * window.hold)) do
            if score <= now then past[#past + 1] = score else ahead, first = ahead + 1, first or score end
        end
        local spare = window.calls - 1 - open - ahead
        if spare < 0 then
            return first and math.max(at, first) or math.huge
        end
        at = math.max(at, decayed_at(past, window.hold, spare))
    end
    return at
end

local function keep(window)
    redis.call('EXPIRE', window.counted, KEPT_SECONDS)
    redis.call('EXPIRE', window.open, KEPT_SECONDS)
end

local verbs = {}

-- ARGV 5: seconds until a lease that has not ended is lost; then calls, hold, safe of each window.
function verbs.take(marker, lost_at)
    local found, at = windows(6, { 'calls', 'hold', 'safe' }), -math.huge
    for _, window in ipairs(found) do
        expire(window)
        at = math.max(at, free_at(window, lost_at))
    end
    if at > now then
        return { marker, 'wait', at == math.huge and 'inf' or string.format('%.6f', at - now) }
    end
    local lease = redis.call('INCR', KEYS[3])
    for _, window in ipairs(found) do
        redis.call('ZADD', window.open, now + tonumber(ARGV[5]), lease)
        keep(window)
    end
    return { marker, 'lease', tostring(lease) }
end

-- ARGV 5: the lease, 6: settle, lost or refund.
verbs['end'] = function(marker)
    local counted_at = ({ settle = now, lost = now + linger })[ARGV[6]]
    for _, window in ipairs(windows(7, {})) do
        if redis.call('ZREM', window.open, ARGV[5]) == 1 and counted_at then
            redis.call('ZADD', window.counted, counted_at, ARGV[5])
            keep(window)
        end
    end
    return { marker, 'ended', '' }
end

-- Then hold of each window. Answers with open and counted of each, as seconds from now.
function verbs.look(marker, lost_at)
    local answer = { marker, 'seen', string.format('%.6f', lost_at - now) }
    for _, window in ipairs(windows(5, { 'hold' })) do
        expire(window)
        local ages = {}
        for place, at in ipairs(instants(window, now - 2 * window.hold)) do
            ages[place] = string.format('%.6f', at - now)
        end
        answer[#answer + 1] = { tostring(redis.call('ZCARD', window.open)), ages }
    end
    return answer
end

-- KEYS 4: whose work, without the hour. ARGV 5: first hour, 6: this hour, 7: microseconds.
function verbs.work(marker)
    local total = 0
    if tonumber(ARGV[7]) > 0 then
        redis.call('HINCRBY', KEYS[4], ARGV[6], ARGV[7])
        redis.call('EXPIRE', KEYS[4], KEPT_SECONDS)
    end
    for hour = tonumber(ARGV[5]), tonumber(ARGV[6]) do
        total = total + tonumber(redis.call('HGET', KEYS[4], string.format('%d', hour)) or '0')
    end
    return { marker, 'worked', string.format('%d', total) }
end

local marker, lost_at = look_for_loss()
return verbs[verb](marker, lost_at)
