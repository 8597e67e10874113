using System.Globalization;
using Brook.TestServers;

namespace Brook.Bench.Scenarios.Redis;

/// <summary>The path of an event into a redis-server of its own, beside what is written by hand and what the server can take.</summary>
internal sealed class IntoRedis : Scenario
{
    private RedisServer? _server;

    public override string Name => "redis";

    public override string About => "JSON bytes -> typed handler -> merge by function -> Redis with event log; end_to_end: over MassTransit's in-memory transport";

    public override IReadOnlyList<string> Notes =>
    [
        string.Create(CultureInfo.InvariantCulture, $"same records in every row, {RedisLoad.Records.Min(record => record.Length)}-{RedisLoad.Records.Max(record => record.Length)} bytes; {RedisLoad.Keys:N0} keys at random, so hardly two events of a batch share one; each has its entry ({RedisLoad.EntryBytes} bytes of JSON) and one event in its log before a turn is measured"),
        string.Create(CultureInfo.InvariantCulture, $"one redis-server on this machine, loopback, nothing on disk, emptied between turns; LogLimit is the default ({new BrookOptions().LogLimit}), which no log reaches in a turn"),
        "handwritten: per event GET, fold, SET, RPUSH, each awaited, called without a bus; handwritten_batch: 100 events with one MGET and one MULTI/EXEC; no log limit, no duplicates noticed, one connection",
        string.Create(CultureInfo.InvariantCulture, $"engine: {RedisLoad.Partitions} lanes of one engine, each with its partition of the keys: how the store is meant to be used; engine_one_lane: total order; batches of {EnginePeer.Together}, one connection; a lane has all its entries in its cache after the first events, so a batch is one commit, checked by the store, and no read; end_to_end: one SendManyAsync to {RedisLoad.Partitions} partitions, until all is in the view"),
        string.Create(CultureInfo.InvariantCulture, $"ceiling: redis-benchmark, {Ceiling.Clients} clients, pipelines of {Ceiling.Pipelined}, SET of {Ceiling.EntryBytes} bytes and RPUSH of {Ceiling.RecordBytes} bytes one after the other over as many random keys; events/s = 1/(1/SETs + 1/RPUSHes) by its own clock; its CPU is not in CPU us/event, which is this process"),
        string.Create(CultureInfo.InvariantCulture, $"figures: a collection of {RedisFigures.Entries:N0} entries in a server of {4 * RedisFigures.Entries:N0} keys; bytes of used_memory; logs of {RedisFigures.Logged} events; the longest command of a GetAllAsync by SLOWLOG, median of {RedisFigures.Streams} streams (on a busy machine also the wait for a core)"),
    ];

    public override IReadOnlyList<Row> Rows =>
    [
        new("handwritten", 20_000, () => OpenAsync(server => HandwrittenPeer.OpenAsync(server, batches: false))) { LeadIn = RedisLoad.Keys },
        new("handwritten_batch", 100_000, () => OpenAsync(server => HandwrittenPeer.OpenAsync(server, batches: true))) { LeadIn = RedisLoad.Keys },
        new("engine_one_lane", 300_000, () => OpenAsync(server => EnginePeer.OpenAsync(server, lanes: 1))) { LeadIn = RedisLoad.Keys },
        new("engine", 300_000, () => OpenAsync(server => EnginePeer.OpenAsync(server, RedisLoad.Partitions))) { LeadIn = RedisLoad.Keys },
        new("end_to_end", 300_000, () => OpenAsync(BusPeer.OpenAsync)) { LeadIn = RedisLoad.Keys },
        new("ceiling", 320_000, () => OpenAsync(server => Task.FromResult<IPeer>(new Ceiling(server)))) { LeadIn = 3 * RedisLoad.Keys },
    ];

    public override IReadOnlyList<Ratio> Ratios { get; } =
    [
        new("engine_vs_handwritten", "engine", "handwritten"), new("engine_vs_handwritten_batch", "engine", "handwritten_batch"),
        new("engine_vs_ceiling", "engine", "ceiling"), new("end_to_end_vs_handwritten", "end_to_end", "handwritten"),
    ];

    public override string? WhyNot => RedisServer.WhyNot ?? Ceiling.WhyNot;

    public override TimeSpan? ServerCpu => _server!.CpuTime;

    public override async Task StartAsync() => _server = await RedisServer.StartAsync();

    public override Task<IReadOnlyList<Figure>> FiguresAsync(int size) => RedisFigures.MeasureAsync(_server!, size > 0 ? size : RedisFigures.Entries);

    public override async ValueTask StopAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    private async Task<IPeer> OpenAsync(Func<RedisServer, Task<IPeer>> open)
    {
        await _server!.CommandAsync("FLUSHALL", "SYNC");
        return await open(_server);
    }
}
