using Brook.Storage;
using MassTransit;

namespace Brook.Faults;

/// <summary>MassTransit's in-memory transport. Its queues end with their process, so what can go wrong is what goes wrong within one (<see cref="LocalFault"/>).</summary>
internal sealed class InMemoryTransport : Transport
{
    public override string Name => "inmemory";
    public override string Title => "MassTransit's in-memory transport";
    public override string? WhyNot => null;
    public override Feed Feed => Feed.Messages;

    public override IReadOnlyList<Guard> Guards { get; } =
    [
        new("message-ids", "ids of messages are not kept", "duplicates", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection.StartsWith("$applied", StringComparison.Ordinal) ? null : entry)),
        new("event-ids", "ids that senders gave to events are not kept", "sent-twice", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection.StartsWith("$events", StringComparison.Ordinal) ? null : entry)),
        new("versions", "entries of the view are not compared", "hot-keys", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection[0] == '$' ? entry : entry with { Expected = null })),
        new("settling", "a lost answer counts as a commit that landed", "lost-answers", Feed.Messages, inner => new Hopeful(inner)),
        new("set-aside", "failed events are not kept", "calm", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection == "$parked" ? null : entry)),
        new("released-rows", "rows of events that were released are kept", "calm", Feed.Messages, inner => new Ablated(inner, entry => entry.Entry.Collection == "$parked" && entry.Action == EntryAction.Delete ? null : entry)),
        new("held-keys", "a row that is set aside does not hold up its key", "stop-start", Feed.Messages, inner => new Ablated(inner, Guard.WithoutKey)),
    ];

    public override Task<Place> OpenAsync(BusFault fault, CancellationToken cancellationToken) => Task.FromResult<Place>(new InMemoryPlace());

    public override int TuningOf(BusFault fault, int seed) => 0;

    public override void AddTo(IBusRegistrationConfigurator bus, string broker, int tuning) => bus.UsingInMemory();

    public override void Configure(BrookBuilder brook, string broker, int tuning, int partitions) => brook.Stream(BusTrial.Stream, partitions);

    public override string? Hear(string message, IReadOnlyList<KeyValuePair<string, object?>> values) => message == "LaneLost" ? "fenced" : null;

    public override ValueTask DisposeAsync() => default;

    private sealed class InMemoryPlace : Place
    {
        public override string Broker => "";

        /// <summary>Every message that the sender's receipts name.</summary>
        public override Task<long> DoneAsync(BusTrial trial, int partition, CancellationToken cancellationToken) => Task.FromResult((long)trial.Sender.Messages(partition));

        public override Task CheckAsync(BusTrial trial, Check check, CancellationToken cancellationToken) => Task.CompletedTask;

        public override Task<string> DescribeAsync(IViewStore view, int partitions) => Task.FromResult("");

        public override ValueTask DisposeAsync() => default;
    }
}
