-- wrk calls init() at its start. With an argument, each connection waits before each request, for that many milliseconds
-- on average.
-- https://github.com/wg/wrk/blob/master/SCRIPTING
function init(args)
  local pause = tonumber(args[1])
  if pause then
    function delay() return math.random(0, 2 * pause) end
  end
end

-- wrk calls done() at its end. It writes the figures as JSON on the last line. Times are in microseconds.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"errors":%d,"duration":%d,"p50":%d,"p99":%d}\n',
    summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
