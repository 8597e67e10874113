// Faults of handlers, of messages and of the host, within one process.
using System.Globalization;
using System.Net.Mime;
using MassTransit;

namespace Brook.Faults;

internal sealed class LocalHangingHandlers : LocalFault
{
    public override string Name => "hanging-handlers";
    public override string About => "handlers that do not end by themselves, or fail, up to four times one after the other, and then work; others throw what is set aside at once";

    public override void Configure(BrookBuilder brook)
    {
        (brook.Options.HandlerTimeout, brook.Options.HandlerAttempts) = (TimeSpan.FromMilliseconds(80), 20);
        brook.SetAsideAtOnce<PoisonException>();
    }

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(8); i++)
        {
            await trial.MomentAsync(cancellationToken);
            var hangs = trial.Random.Next(1, 5);
            node.Health.Hangs += hangs;
            trial.Injected += hangs;
        }
        await trial.EverywhereAsync(cancellationToken);
    }
}

internal sealed class LocalStopStart : LocalFault
{
    public override string Name => "stop-start";
    public override string About => "the host is stopped and started, three times. In memory the stop must leave nothing behind of what was sent; the sender waits meanwhile";

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(3); i++)
        {
            await trial.MomentAsync(cancellationToken);
            await trial.Sender.PauseAsync(cancellationToken);
            await node.StopAsync();
            if (trial.IsInMemory && await trial.BehindAsync(cancellationToken) is > 0 and var left) throw new StuckException($"the stop left {left} messages behind:\n{node.LogTail(10)}");
            await node.StartAsync(cancellationToken);
            trial.Sender.Resume();
            trial.Injected++;
            await trial.EverywhereAsync(cancellationToken);
        }
    }
}

internal sealed class LocalTwoViews : LocalFault
{
    public override string Name => "two-views";
    public override string About => "two instances read the stream, each into a view of its own; the store of one of them is away now and then. Both must be right";
    public override bool HasSecond => true;
    public override bool AppliesTo(Transport transport, Store store) => transport is InMemoryTransport;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(4); i++)
        {
            await trial.MomentAsync(cancellationToken);
            node.Faulty.IsAway = true;
            await trial.PauseAsync(200, cancellationToken);
            node.Faulty.IsAway = false;
        }
        trial.Injected += (int)node.Faults;
    }
}

internal sealed class LocalSentTwice : LocalFault
{
    public override string Name => "sent-twice";
    public override string About => "a second caller sends all events so far with the ids that the first one gave them, from the first on, while that goes on; lanes begin again before, so that what they know is what the store knows; twice";
    public override bool HasIds => true;
    public override bool AppliesTo(Transport transport, Store store) => transport is InMemoryTransport;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        for (var i = 0; i < trial.Times(2); i++)
        {
            await trial.MomentAsync(cancellationToken);
            for (var p = 0; p < Partitions; p++) await node.ClaimAsync(p, cancellationToken);
            await using var second = trial.AnotherSender(trial.Random.Next(), (_, _) => true);
            second.FinishAt(trial.Sender.Count);
            await second.StartAsync(cancellationToken);
            await trial.UntilAsync(() => second.Sent!.IsCompleted, "the second caller", cancellationToken);
            await second.Sent!;
            if (second.Failure is { } failure) throw new StuckException($"a second send failed: {failure}");
            trial.Injected += (int)Enumerable.Range(0, Partitions).Sum(second.Count);
            trial.Sender.Join(second);
        }
        await trial.EverywhereAsync(cancellationToken);
    }
}

internal sealed class LocalPoison : LocalFault
{
    public override string Name => "poison";
    public override string About => "events whose data their handlers cannot read, between all others; as always some events fail";
    public override bool AppliesTo(Transport transport, Store store) => transport is InMemoryTransport;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        var keys = Keys.For(Partitions);
        for (var i = 0; i < trial.Times(12); i++)
        {
            if (i % 4 == 0) await trial.MomentAsync(cancellationToken);
            var partition = trial.Random.Next(Partitions);
            var poison = new BrookEvent<Poison>(Event.Tally, new($"no number {i}")) { Key = keys(string.Create(CultureInfo.InvariantCulture, $"poison.{i}"), partition) };
            trial.Sender.Note(await node.Brook.SendAsync(poison, cancellationToken));
            trial.Unreadable[partition] = trial.Unreadable.GetValueOrDefault(partition) + 1;
            trial.Injected++;
        }
        await trial.EverywhereAsync(cancellationToken);
    }

    private sealed record Poison(string P);
}

internal sealed class LocalDuplicates : LocalFault
{
    public override string Name => "duplicates";
    public override string About => "messages come two or three times with their ids and contents, at once and much later, also to lanes that have begun again";
    public override bool AppliesTo(Transport transport, Store store) => transport is InMemoryTransport;

    protected override async Task InjectAsync(BusTrial trial, LocalNode node, CancellationToken cancellationToken)
    {
        var again = new Again(node.Bus, trial.Random.Next());
        using var _ = node.Bus.ConnectReceiveObserver(again);
        for (var i = 0; i < trial.Times(6); i++)
        {
            await trial.MomentAsync(cancellationToken);
            await node.ClaimAsync(i % Partitions, cancellationToken);
        }
        trial.Injected += again.Count;
    }

    /// <summary>Puts what a lane has received into its queue once more.</summary>
    private sealed class Again(IBus bus, int seed) : IReceiveObserver
    {
        private readonly Lock _lock = new();
        private readonly Random _random = new(seed);
        private readonly List<(Uri Queue, byte[] Body, Guid Id, ContentType Type, List<KeyValuePair<string, object>> Headers)> _seen = [];

        public int Count { get; private set; }

        public Task PreReceive(ReceiveContext context) => Task.CompletedTask;

        public async Task PostReceive(ReceiveContext context)
        {
            if (!context.InputAddress.AbsolutePath.Contains(BusTrial.Stream, StringComparison.Ordinal) || context.GetMessageId() is not { } id) return;
            var (copies, headers) = (new List<(Uri Queue, byte[] Body, Guid Id, ContentType Type, List<KeyValuePair<string, object>> Headers)>(), context.TransportHeaders.GetAll().ToList());
            lock (_lock)
            {
                if (!_seen.Exists(seen => seen.Id == id)) _seen.Add((context.InputAddress, context.GetBody(), id, context.ContentType, headers));
                else if (_random.Next(2) == 0) return;                          // a copy of a copy, not always: it would never end
                if (_random.Next(3) == 0) copies.Add(_seen.Find(seen => seen.Id == id));
                if (_random.Next(4) == 0) copies.Add(_seen[_random.Next(_seen.Count)]);
                Count += copies.Count;
            }
            foreach (var copy in copies)
            {
                var endpoint = await bus.GetSendEndpoint(copy.Queue);
                await endpoint.Send(new Copy(), send =>
                {
                    (send.MessageId, send.Serializer) = (copy.Id, new Bytes(copy.Body, copy.Type));
                    foreach (var (name, value) in copy.Headers) send.Headers.Set(name, value);
                });
            }
        }

        public Task PostConsume<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType) where T : class => Task.CompletedTask;

        public Task ConsumeFault<T>(ConsumeContext<T> context, TimeSpan duration, string consumerType, Exception exception) where T : class => Task.CompletedTask;

        public Task ReceiveFault(ReceiveContext context, Exception exception) => Task.CompletedTask;
    }

    private sealed record Copy;

    private sealed class Bytes(byte[] body, ContentType contentType) : IMessageSerializer
    {
        public ContentType ContentType => contentType;

        public MessageBody GetMessageBody<T>(SendContext<T> context) where T : class => new BytesMessageBody(body);
    }
}
