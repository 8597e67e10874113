using Brook.Bench.Scenarios.Redis;
using JasperFx.Events;
using JasperFx.Events.Projections;
using Marten;
using Marten.Events.Projections;

namespace Brook.Bench.Scenarios.Postgres;

/// <summary>The order as Marten folds it.</summary>
public sealed partial class MartenOrder
{
    public string Id { get; set; } = "";
    public OrderPage? Page { get; set; }

    public void Apply(OrderUpdated e) => Page = RedisLoad.Fold(Page, e);
}

/// <summary>Marten's event store with an inline snapshot: each session appends a batch of events, and the snapshots are in the same transaction, as Brook's view is with its positions. (Its async daemon would add a second pass.)</summary>
internal sealed class MartenPeer(DocumentStore store) : IPeer
{
    public const int Together = 500;
    private int _next;

    public static Task<IPeer> OpenAsync(string connectionString) => Task.FromResult<IPeer>(new MartenPeer(DocumentStore.For(options =>
    {
        options.Connection(connectionString);
        options.DatabaseSchemaName = "marten";
        options.DisableNpgsqlLogging = true;
        options.Events.StreamIdentity = StreamIdentity.AsString;
        options.Projections.Snapshot<MartenOrder>(SnapshotLifecycle.Inline);
    })));

    public async Task RunAsync(int events)
    {
        for (var end = _next + events; _next < end;)
        {
            var count = Math.Min(Together, end - _next);
            await using var session = store.LightweightSession();
            foreach (var order in Enumerable.Range(_next, count).Select(i => Records.Read(PostgresLoad.Record(i))).GroupBy(e => e.Id)) session.Events.Append(order.Key, order);
            await session.SaveChangesAsync();
            _next += count;
        }
    }

    public async Task<long> AppliedAsync()
    {
        await using var session = store.QuerySession();
        return (await session.Query<MartenOrder>().ToListAsync()).Sum(order => (long)order.Page!.Count);
    }

    public ValueTask DisposeAsync()
    {
        store.Dispose();
        return default;
    }
}
