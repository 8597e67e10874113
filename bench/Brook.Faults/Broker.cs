// The transport of a trial: says who has which lane, hands out what is to be done, and hands it out again when it was not acknowledged.
using System.Globalization;

namespace Brook.Faults;

/// <summary>Plays at-least-once delivery to the workers. Thread safe.</summary>
internal sealed class Broker
{
    private const int Ahead = 40, MessagesAhead = 8, Recent = 20;
    private readonly Lock _lock = new();
    private readonly Events _events;
    private readonly Feed _feed;
    private readonly Partition[] _partitions;
    private readonly Random _random;
    private readonly bool _copies;

    /// <param name="copies">Messages are delivered two or three times.</param>
    public Broker(Events events, Feed feed, int partitions, int seed, bool copies)
    {
        (_events, _feed, _random, _copies) = (events, feed, new Random(seed), copies);
        _partitions = [.. Enumerable.Range(0, partitions).Select(p => new Partition(p))];
    }

    public long Commits { get; private set; }
    public long Conflicts { get; private set; }

    /// <summary>Calls that ended in an exception: whether they took effect, the caller did not know.</summary>
    public long Failures { get; private set; }
    public long Fenced { get; private set; }
    public long Moved { get; private set; }
    public long Copies { get; private set; }

    /// <summary>What a worker said went wrong in a way that nothing should; null: nothing.</summary>
    public string? Failure { get; private set; }

    /// <summary>How many events were acknowledged so far; some of them may have been taken back since.</summary>
    public long Progress { get; private set; }

    public bool IsEverywhere { get { lock (_lock) return _partitions.All(partition => partition.Done > 0); } }

    /// <summary>All that will ever be delivered was acknowledged.</summary>
    public bool IsDone { get { lock (_lock) return _partitions.All(partition => partition.End is { } end && partition.Done == end); } }

    /// <summary>Lanes of which a worker has said that the store went back.</summary>
    public HashSet<int> Alarms { get; } = [];

    /// <summary>How many events a partition has in the end, and the messages they came in with the first event of each.</summary>
    public (long Events, IReadOnlyList<(long Number, long First)> Messages) Delivered(int partition) => (_partitions[partition].End!.Value, [.. _partitions[partition].Starts.Select((first, number) => ((long)number, first))]);

    public IReadOnlyList<int> LanesOf(WorkerProcess worker) { lock (_lock) return [.. _partitions.Where(partition => partition.Owner == worker).Select(partition => partition.Number)]; }

    /// <summary>Gives a lane to a worker, whatever the one who had it believes.</summary>
    public void Give(int partition, WorkerProcess worker)
    {
        lock (_lock) Give(_partitions[partition], worker);
    }

    /// <summary>From now on only so many more events come, and then no more.</summary>
    public void Finish(int tail)
    {
        lock (_lock)
        {
            foreach (var partition in _partitions)
            {
                if (_feed == Feed.Messages)
                    for (var target = partition.Limit + tail; partition.Limit < target;) Deliver(partition);
                else
                    partition.Limit += tail;
                partition.End = partition.Limit;
                if (_feed == Feed.Offsets) partition.Owner!.Say(Text($"upto {partition.Number} {partition.Limit}"));
            }
        }
    }

    public void Hear(WorkerProcess worker, string word, string[] rest)
    {
        lock (_lock)
        {
            if (word == "failed")
            {
                Failure ??= string.Join(' ', rest);
                return;
            }
            if (word == "alarm")
            {
                Alarms.Add(int.Parse(rest[0], CultureInfo.InvariantCulture));
                return;
            }
            var numbers = Array.ConvertAll(rest, text => long.Parse(text, CultureInfo.InvariantCulture));
            var (partition, isCurrent, number) = (_partitions[numbers[0]], numbers[1] == _partitions[numbers[0]].Turn, numbers[2]);
            (Commits, Conflicts, Failures) = (Commits + numbers[3], Conflicts + numbers[4], Failures + numbers[5]);
            switch (word)
            {
                case "ack":
                    Acknowledge(partition, number);
                    break;
                case "fenced":
                    Fenced++;
                    if (isCurrent) Give(partition, worker);             // the store went back behind its claim: it claims again
                    break;
                case "at" or "moved" or "taken" or "dropped":
                    if (word == "moved") Moved++;
                    if (!isCurrent || word == "dropped" || _feed == Feed.Messages) break;
                    Progress += Math.Max(0, number - partition.Done);
                    partition.Done = number;
                    break;
                default: throw new InvalidOperationException($"A worker said '{word}'.");
            }
            if (partition.End is null) GoOn(partition);
        }
    }

    private void Give(Partition partition, WorkerProcess worker)
    {
        partition.Owner = worker;
        worker.Say(Text($"take {partition.Number} {++partition.Turn} {partition.Limit}"));
        foreach (var message in partition.Unacknowledged) Say(partition, message);
        if (partition.End is null) GoOn(partition);
    }

    /// <summary>Keeps so much ahead of what is done that nobody waits, and no more: the trial ends when its faults are over.</summary>
    private void GoOn(Partition partition)
    {
        if (_feed == Feed.Messages)
        {
            while (partition.Unacknowledged.Count < MessagesAhead) Deliver(partition);
        }
        else if (partition.Limit < partition.Done + (Ahead / 2))
        {
            partition.Limit = partition.Done + Ahead;
            partition.Owner!.Say(Text($"upto {partition.Number} {partition.Limit}"));
        }
    }

    private void Acknowledge(Partition partition, long message)
    {
        if (!partition.Unacknowledged.Remove(message)) return;
        var size = _events.SizeOf(partition.Number, message);
        (Progress, partition.Done) = (Progress + size, partition.Done + size);
    }

    private void Deliver(Partition partition)
    {
        var message = (long)partition.Starts.Count;
        partition.Starts.Add(partition.Limit);
        partition.Limit += _events.SizeOf(partition.Number, message);
        partition.Unacknowledged.Add(message);
        Say(partition, message);
        for (var copies = _copies ? _random.Next(3) : 0; copies > 0; copies--)
        {
            Copies++;
            Say(partition, _random.Next(2) == 0 ? message : Math.Max(0, message - _random.Next(Recent)));
        }
    }

    private static void Say(Partition partition, long message) => partition.Owner!.Say(Text($"message {partition.Number} {message} {partition.Starts[(int)message]}"));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed class Partition(int number)
    {
        public int Number => number;
        public WorkerProcess? Owner { get; set; }

        /// <summary>How often it was given away: who answers with another number had it before.</summary>
        public long Turn { get; set; }

        /// <summary>Events that may be taken.</summary>
        public long Limit { get; set; }

        /// <summary>Events that are done, as far as the owner says.</summary>
        public long Done { get; set; }

        /// <summary>How many there will be in all; null: not decided.</summary>
        public long? End { get; set; }

        /// <summary>Of each message its first event.</summary>
        public List<long> Starts { get; } = [];
        public SortedSet<long> Unacknowledged { get; } = [];
    }
}
