// What runs inside Redis or Valkey, each as one atomic step by the server's own clock. A script touches one key, so that
// it runs on any node that holds it.

/**
 * One key of a rate: a bucket (`t`, its theoretical arrival time in milliseconds), and what each host holds of it
 * (`<host>`: tokens and when they lapse). As the broker does for its workers: tokens in hands count as being in the
 * bucket, so that it does not refill behind their back; what lapses counts as spent.
 *
 * ARGV: interval (ms), burst, host, held, unspent, charge, need, want, hosts, lease (ms). `held`: what the host has in
 * its hands and keeps, said anew each time, so that a server that has forgotten everything learns it. `unspent`: what it
 * gives back. `charge`: what it admitted by itself while it could not ask.
 * Gives: tokens granted, remaining, reset (ms), retry after (ms).
 */
export const rateScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, burst, host = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local held, unspent, charge = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local need, want, hosts, lease = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local whole = burst * interval
local tat, before, others = 0, 0, 0
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  if all[at] == 't' then
    tat = tonumber(all[at + 1])
  else
    local tokens, ends = string.match(all[at + 1], '^(%d+):(%d+)$')
    if tonumber(ends) <= now then
      redis.call('HDEL', KEYS[1], all[at])
    elseif all[at] == host then
      before = tonumber(tokens)
    else
      others = others + tonumber(tokens)
    end
  end
end
tat = math.max(tat, now + (others + before) * interval)
tat = tat - math.min(unspent, math.max(0, before - held)) * interval + charge * interval
tat = math.min(math.max(tat, now + (others + held) * interval), now + whole)
local rounding = math.min(interval, 1) * 0.001
local spare = math.max(0, math.floor((whole - (tat - now) + rounding) / interval))
local granted = 0
if spare >= need then
  local share = math.max(1, math.floor(spare / (2 * hosts)))
  granted = math.min(spare, math.max(need, math.min(want, share)))
end
tat = tat + granted * interval
local mine = held + granted
if mine > 0 then
  redis.call('HSET', KEYS[1], 't', string.format('%.17g', tat), host, string.format('%d:%d', mine, now + lease))
else
  redis.call('HSET', KEYS[1], 't', string.format('%.17g', tat))
  redis.call('HDEL', KEYS[1], host)
end
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(tat - now, lease)) + 1000)
local ahead = math.max(0, tat - now)
return {
  granted,
  math.max(0, math.floor((whole - ahead + rounding) / interval)),
  math.ceil(ahead),
  math.ceil(math.max(0, ahead + need * interval - whole))
}`;

/**
 * One key of a quota in one period: what each host has used. Each host is the authority on its own number, keeps it in its
 * own store and says it anew each time: a server that has forgotten everything learns it from whoever asks next.
 *
 * ARGV: count, host, mine, need, want, hosts, end of the period (epoch ms). Gives: granted, used by others.
 */
export const quotaScript = `
local count, host, mine = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local need, want, hosts = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  if all[at] ~= host then others = others + tonumber(all[at + 1]) end
end
local spare = math.max(0, count - others - mine)
local granted = 0
if spare >= need then
  local share = math.max(1, math.floor(spare / (2 * hosts)))
  granted = math.min(spare, math.max(need, math.min(want, share)))
end
redis.call('HSET', KEYS[1], host, mine + granted)
redis.call('PEXPIREAT', KEYS[1], tonumber(ARGV[7]) + 3600000)
return { granted, others }`;

/**
 * One key of a concurrency limit: what each host has leased (`h:<host>`: slots and when they lapse), and until when a host
 * waits for others to give some back (`w`). `held`: what the host has and keeps, said anew each time.
 *
 * ARGV: count, host, held, need, lease (ms), wait (ms), whether this answers a call, channel. Gives: granted, other holders, what they hold.
 * Who may not publish goes without: others then give back what they have not used for a second.
 */
export const slotScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local count, me, held = tonumber(ARGV[1]), 'h:' .. ARGV[2], tonumber(ARGV[3])
local need, lease, wait = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local before, others, holders, wanted = 0, 0, 0, 0
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  if all[at] == 'w' then
    wanted = tonumber(all[at + 1])
  else
    local slots, ends = string.match(all[at + 1], '^(%d+):(%d+)$')
    if tonumber(ends) <= now then
      redis.call('HDEL', KEYS[1], all[at])
    elseif all[at] == me then
      before = tonumber(slots)
    else
      others = others + tonumber(slots)
      holders = holders + 1
    end
  end
end
local granted = math.max(0, math.min(need, count - others - held))
local mine = held + granted
if mine > 0 then
  redis.call('HSET', KEYS[1], me, string.format('%d:%d', mine, now + lease))
else
  redis.call('HDEL', KEYS[1], me)
end
if wanted > now and (ARGV[7] == '1' or mine < before) then
  redis.pcall('PUBLISH', ARGV[8], (mine < before and 'given ' or 'kept ') .. ARGV[2] .. ' ' .. KEYS[1])
end
if granted < need and holders > 0 and wait > 0 then
  redis.call('HSET', KEYS[1], 'w', string.format('%d', now + wait))
  redis.pcall('PUBLISH', ARGV[8], 'wanted ' .. ARGV[2] .. ' ' .. KEYS[1])
end
redis.call('PEXPIRE', KEYS[1], lease + 1000)
return { granted, holders, others }`;

/** Which hosts are there. ARGV: host, how long one counts after its last word (ms). Gives: how many, the time (epoch ms). */
export const helloScript = `
local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], 10 * tonumber(ARGV[2]))
return { redis.call('ZCARD', KEYS[1]), now }`;
