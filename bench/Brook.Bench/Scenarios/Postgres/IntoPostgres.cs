using System.Globalization;
using Brook.Bench.Scenarios.Redis;
using Brook.TestServers;

namespace Brook.Bench.Scenarios.Postgres;

/// <summary>The path of an event into a PostgreSQL of its own, beside what is written by hand and Marten.</summary>
internal sealed class IntoPostgres : Scenario
{
    private PostgresServer? _server;

    public override string Name => "postgres";

    public override string About => "JSON bytes -> typed handler -> merge by function -> PostgreSQL with event log; end_to_end: over MassTransit's in-memory transport";

    public override IReadOnlyList<string> Notes =>
    [
        string.Create(CultureInfo.InvariantCulture, $"same events in every row; {PostgresLoad.Keys:N0} keys at random; each has its entry before a turn is measured"),
        "one PostgreSQL on this machine, loopback, as it comes: fsync and synchronous_commit are on in every row; emptied between turns",
        "handwritten: per event one transaction: SELECT FOR UPDATE, fold, upsert and insert into a log in one batch; prepared; no log limit, no duplicates noticed, one connection",
        string.Create(CultureInfo.InvariantCulture, $"engine: {RedisLoad.Partitions} lanes, each with its partition of the keys, batches of {EnginePeer.Together}; engine_one_lane: total order; end_to_end: one SendManyAsync to {RedisLoad.Partitions} partitions, until all is in the view"),
        string.Create(CultureInfo.InvariantCulture, $"marten: sessions of {MartenPeer.Together} events, appended to the orders' streams, with inline snapshots: events and views in one transaction, as Brook's; one session at a time"),
    ];

    public override IReadOnlyList<Row> Rows =>
    [
        new("handwritten", 1_000, () => OpenAsync(HandwrittenPeer.OpenAsync)) { LeadIn = PostgresLoad.Keys },
        new("marten", 5_000, () => OpenAsync(MartenPeer.OpenAsync)) { LeadIn = PostgresLoad.Keys },
        new("engine_one_lane", 20_000, () => OpenAsync(async place => await EnginePeer.OpenAsync(brook => brook.UsePostgres(place), 1, PostgresLoad.Record))) { LeadIn = PostgresLoad.Keys },
        new("engine", 20_000, () => OpenAsync(async place => await EnginePeer.OpenAsync(brook => brook.UsePostgres(place), RedisLoad.Partitions, PostgresLoad.Record))) { LeadIn = PostgresLoad.Keys },
        new("end_to_end", 20_000, () => OpenAsync(place => BusPeer.OpenAsync(brook => brook.UsePostgres(place), PostgresLoad.Event))) { LeadIn = PostgresLoad.Keys },
    ];

    public override IReadOnlyList<Ratio> Ratios { get; } = [new("engine_vs_handwritten", "engine", "handwritten"), new("engine_vs_marten", "engine", "marten"), new("end_to_end_vs_handwritten", "end_to_end", "handwritten")];

    public override string? WhyNot => PostgresServer.WhyNot;

    public override async Task StartAsync() => _server = await PostgresServer.StartAsync();

    public override async ValueTask StopAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    private async Task<IPeer> OpenAsync(Func<string, Task<IPeer>> open)
    {
        await _server!.QueryAsync("SET client_min_messages = warning; DROP SCHEMA IF EXISTS hand CASCADE; DROP SCHEMA IF EXISTS marten CASCADE; DROP SCHEMA IF EXISTS brook CASCADE");
        return await open(_server.ConnectionString);
    }
}
