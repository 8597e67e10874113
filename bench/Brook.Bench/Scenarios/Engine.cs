using System.Globalization;
using Brook.Lanes;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Bench.Scenarios;

/// <summary>The path of an event alone, without a bus.</summary>
internal sealed class Engine : Scenario
{
    private const int Prepared = 100_000, Together = 500;
    private static ReadOnlyMemory<byte>[]? s_records;

    public override string Name => "engine";

    public override string About => "the path of an event: JSON bytes -> typed handler -> merge by function -> commit to the in-memory store with event log";

    public override IReadOnlyList<string> Notes =>
    [
        string.Create(CultureInfo.InvariantCulture, $"one thread; {Load.Keys:N0} keys, LogLimit {Load.LogLimit}, batches of {Together} (one_per_batch: of 1); records as Brook's sender writes them, {Records.Min(record => record.Length)}-{Records.Max(record => record.Length)} bytes; a position is an offset (message_ids: a message id)"),
        "handwritten: System.Text.Json reads the same records, a fold and a log over dictionaries of objects; no JSON values, no atomic batches, no duplicates noticed",
    ];

    public override IReadOnlyList<Row> Rows { get; } =
    [
        new("handwritten", 600_000, () => Task.FromResult<IPeer>(new Handwritten(Records))),
        new("engine", 600_000, () => EnginePeer.OpenAsync(LaneGuard.Offsets, Together)),
        new("engine_message_ids", 600_000, () => EnginePeer.OpenAsync(LaneGuard.MessageIds, Together)),
        new("engine_one_per_batch", 200_000, () => EnginePeer.OpenAsync(LaneGuard.Offsets, 1)),
    ];

    public override IReadOnlyList<Ratio> Ratios { get; } = [new("engine_vs_handwritten", "engine", "handwritten"), new("one_per_batch_vs_engine", "engine_one_per_batch", "engine")];

    private static ReadOnlyMemory<byte>[] Records => s_records ??= Bench.Records.Of(Enumerable.Range(0, Prepared).Select(Load.Event));

    private sealed class EnginePeer(ServiceProvider provider, Lane lane, int together) : IPeer
    {
        private readonly EventEnvelope[] _batch = new EventEnvelope[together];
        private readonly ReadOnlyMemory<byte>[] _records = Records;
        private long _offset;

        public static async Task<IPeer> OpenAsync(LaneGuard guard, int together)
        {
            var services = new ServiceCollection();
            BrookBuilder.Register(services, "", brook => brook.AddHandler<OrderHandler>().Options.LogLimit = Load.LogLimit);
            var provider = services.BuildServiceProvider();
            return new EnginePeer(provider, await provider.GetRequiredKeyedService<BrookEngine>("").OpenLaneAsync("bench/0", guard, default), together);
        }

        public async Task RunAsync(int events)
        {
            for (var done = 0; done < events;)
            {
                var (count, message) = (Math.Min(_batch.Length, events - done), Guid.CreateVersion7());
                for (var i = 0; i < count; i++) _batch[i] = EventEnvelope.Read(_records[(done + i) % _records.Length], new EventPosition(lane.Name, _offset++, message), DateTimeOffset.UnixEpoch);
                await lane.ProcessAsync(_batch.AsMemory(0, count), default);
                done += count;
            }
        }

        public Task<long> AppliedAsync() => provider.GetRequiredService<IBrookView>().AppliedAsync();

        public async ValueTask DisposeAsync()
        {
            await lane.DisposeAsync();
            await provider.DisposeAsync();
        }
    }

    private sealed class Handwritten(ReadOnlyMemory<byte>[] records) : IPeer
    {
        private readonly HandwrittenView _view = new();

        public Task RunAsync(int events)
        {
            for (var i = 0; i < events; i++) _view.Apply(Bench.Records.Read(records[i % records.Length]));
            return Task.CompletedTask;
        }

        public Task<long> AppliedAsync() => Task.FromResult(_view.Applied);

        public ValueTask DisposeAsync() => default;
    }
}
