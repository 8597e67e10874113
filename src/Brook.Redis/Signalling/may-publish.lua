-- Whether the server publishes for this user: the error, or nothing.
-- KEYS  the probe
-- ARGV  1: PUBLISH or SPUBLISH, 2: a channel
local reply = redis.pcall(ARGV[1], ARGV[2], '')
return type(reply) == 'table' and reply.err or ''
