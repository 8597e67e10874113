using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Brook.Faults;

/// <summary>
/// Sends a trial's events with <see cref="IBrook"/>, from the program's own process. One caller per partition, which does not wait for a call's answer before the next one:
/// the order of calls is the order in which the events happened.
/// </summary>
internal sealed class BusSender : IAsyncDisposable
{
    private const int UnderWay = 4;
    private readonly Events _events;
    private readonly Random _random;
    private readonly Func<int, long, bool> _goOn;
    private readonly Func<IBrook> _brook;
    private readonly IHost? _host;
    private readonly long[] _sent;
    private readonly long?[] _ends;
    private readonly HashSet<Guid>[] _messages;
    private readonly List<string> _log = [];
    private readonly bool[] _waits;
    private volatile bool _isPaused;

    /// <param name="goOn">Whether there is room for more of a partition after so many.</param>
    public BusSender(Transport transport, string broker, int tuning, Events events, int partitions, int seed, Func<int, long, bool> goOn) : this(null, events, partitions, seed, goOn)
    {
        var host = BusWorker.Host(transport, broker, tuning, partitions, line => { lock (_log) _log.Add(line); }, (_, _) => { }, new(), brook => brook.SendOnly());
        (_host, _brook) = (host, host.Services.GetRequiredService<IBrook>);
    }

    /// <param name="brook">Of a host that somebody else starts and stops: in memory who sends is who reads.</param>
    /// <param name="goOn">Whether there is room for more of a partition after so many.</param>
    public BusSender(Func<IBrook>? brook, Events events, int partitions, int seed, Func<int, long, bool> goOn)
    {
        (_events, _random, _goOn, _sent, _ends, _waits) = (events, new Random(seed), goOn, new long[partitions], new long?[partitions], new bool[partitions]);
        _messages = [.. Enumerable.Range(0, partitions).Select(_ => new HashSet<Guid>())];
        _brook = brook!;
    }

    /// <summary>What went wrong with a send; null: nothing.</summary>
    public string? Failure { get; private set; }

    /// <summary>The last lines it logged.</summary>
    public string LogTail(int lines = 10)
    {
        lock (_log) return string.Join('\n', _log.TakeLast(lines));
    }

    /// <summary>All are sent, and the broker has them; null: not begun.</summary>
    public Task? Sent { get; private set; }

    /// <summary>How many events a partition has so far.</summary>
    public long Count(int partition) => Interlocked.Read(ref _sent[partition]);

    /// <summary>How many messages those were in.</summary>
    public int Messages(int partition)
    {
        lock (_messages) return _messages[partition].Count;
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_host is { } host)
        {
            Task starting;
            using (ExecutionContext.SuppressFlow()) starting = Task.Run(() => host.StartAsync(cancellationToken), cancellationToken);
            await starting;
        }
        Sent = Task.WhenAll(Enumerable.Range(0, _sent.Length).Select(partition => Task.Run(() => SendAsync(partition, new Random(_random.Next()), cancellationToken), cancellationToken)));
    }

    /// <summary>Sends nothing more until it is told to; ends when all calls have their answers.</summary>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        lock (_ends) Array.Clear(_waits);
        _isPaused = true;
        while (true)
        {
            lock (_ends)
                if (_waits.All(waits => waits) || Failure is not null) return;
            await Task.Delay(2, cancellationToken);
        }
    }

    public void Resume() => _isPaused = false;

    /// <summary>A message that somebody else has sent.</summary>
    public void Note(Receipt receipt)
    {
        foreach (var span in receipt.Spans) Add(int.Parse(span.Lane[(span.Lane.LastIndexOf('/') + 1)..], System.Globalization.CultureInfo.InvariantCulture), span.MessageId);
    }

    /// <summary>The messages that the other has sent.</summary>
    public void Join(BusSender other)
    {
        for (var p = 0; p < _messages.Length; p++)
            foreach (var id in other._messages[p]) Add(p, id);
    }

    /// <summary>Only so many in all, or so many more.</summary>
    public void Finish(int tail)
    {
        lock (_ends)
            for (var p = 0; p < _ends.Length; p++) _ends[p] = Count(p) + tail;
    }

    /// <summary>So many in all.</summary>
    public void FinishAt(Func<int, long> of)
    {
        lock (_ends)
            for (var p = 0; p < _ends.Length; p++) _ends[p] = of(p);
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is null) return;
        await _host.StopAsync(CancellationToken.None);
        if (_host is IAsyncDisposable host) await host.DisposeAsync();
        else _host.Dispose();
    }

    private async Task SendAsync(int partition, Random random, CancellationToken cancellationToken)
    {
        var answers = new Queue<(Task<Receipt> Receipt, int Count)>();
        try
        {
            for (long m = 0, next = 0; ; m++)
            {
                long size;
                while ((_isPaused || !_goOn(partition, next)) && End(partition) is null)
                {
                    if (_isPaused) await WaitAsync(partition, answers);
                    await Task.Delay(2, cancellationToken);
                }
                lock (_ends)
                {
                    size = Math.Min(_events.SizeOf(partition, m), (_ends[partition] ?? long.MaxValue) - next);
                    if (size > 0) Interlocked.Add(ref _sent[partition], size);      // decided: whoever sets the end counts it
                }
                if (size <= 0) break;
                var events = new List<BrookEvent>();
                for (var i = 0; i < size; i++) events.Add(Of(_events.At(partition, next + i)));
                var brook = _brook();
                next += size;
                if (random.Next(2) == 0) answers.Enqueue((brook.SendManyAsync(events, cancellationToken).AsTask(), events.Count));
                else foreach (var e in events) answers.Enqueue((brook.SendAsync(e, cancellationToken).AsTask(), 1));
                while (answers.Count > UnderWay) Take(partition, await answers.Dequeue().Receipt);
            }
            while (answers.TryDequeue(out var rest)) Take(partition, await rest.Receipt);
        }
        catch (Exception e) when (e is BrookException or OperationCanceledException) { Failure ??= $"{Feed.Lane(partition)}: {e.GetType().Name}: {e.Message} {e.InnerException}"; }
    }

    private long? End(int partition)
    {
        lock (_ends) return _ends[partition];
    }

    private void Take(int partition, Receipt receipt)
    {
        foreach (var span in receipt.Spans)
        {
            if (span.Lane != Feed.Lane(partition)) Failure ??= $"an event of {Feed.Lane(partition)} went to {span.Lane}";
            Add(partition, span.MessageId);
        }
    }

    private async Task WaitAsync(int partition, Queue<(Task<Receipt> Receipt, int Count)> answers)
    {
        while (answers.TryDequeue(out var answer)) Take(partition, await answer.Receipt);
        lock (_ends) _waits[partition] = true;
    }

    private void Add(int partition, Guid message)
    {
        lock (_messages) _messages[partition].Add(message);
    }

    private static BrookEvent<Data> Of(Event e) => new(e.Type, e.Data) { Key = e.Key, Id = e.CallersId ?? default, Author = "faults", CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(Event.CreatedAt(e.Data.N)) };
}

/// <summary>Keys of which it is known where they go.</summary>
internal static class Keys
{
    /// <summary>The name and a number, so that it goes to the partition: murmur2 as Kafka has it, written once more.</summary>
    public static Func<string, int, string> For(int partitions) => (name, partition) =>
    {
        for (var n = 0; ; n++)
        {
            var key = $"{name}~{n}";
            if ((Murmur2(Encoding.UTF8.GetBytes(key)) & 0x7fffffff) % partitions == partition) return key;
        }
    };

    private static uint Murmur2(byte[] data)
    {
        unchecked
        {
            const uint M = 0x5bd1e995;
            var h = 0x9747b28c ^ (uint)data.Length;
            var whole = data.Length / 4 * 4;
            for (var i = 0; i < whole; i += 4)
            {
                var k = BitConverter.ToUInt32(data, i) * M;
                k ^= k >> 24;
                h = (h * M) ^ (k * M);
            }
            if (data.Length > whole)
            {
                for (var i = data.Length - 1; i >= whole; i--) h ^= (uint)data[i] << (8 * (i - whole));
                h *= M;
            }
            h ^= h >> 13;
            h *= M;
            return h ^ (h >> 15);
        }
    }
}
