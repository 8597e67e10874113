namespace Brook.MassTransit;

/// <summary>What was sent to a stream of this process and not yet handled by all who read it: for back-pressure, and to drain before a stop. Thread safe.</summary>
internal sealed class StreamBacklog
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _handled = [];
    private readonly Dictionary<int, long> _sentTo = [];                        // by partition, as below: for health only
    private readonly Dictionary<(string Instance, int Partition), long> _handledOf = [];
    private long _sent;
    private TaskCompletionSource? _changed;

    /// <summary>Somebody reads the stream.</summary>
    public bool IsRead
    {
        get
        {
            lock (_lock) return _handled.Count > 0;
        }
    }

    public long Unhandled
    {
        get
        {
            lock (_lock) return _handled.Count == 0 ? 0 : _sent - _handled.Values.Min();
        }
    }

    /// <summary>An instance reads the stream from now on.</summary>
    public void Read(string instance)
    {
        lock (_lock)
        {
            if (!_handled.TryAdd(instance, _sent)) return;
            foreach (var (partition, sent) in _sentTo) _handledOf[(instance, partition)] = sent;
        }
    }

    /// <summary>Events were sent; negative: they were not after all.</summary>
    public void Sent(int count, int partition = 0)
    {
        lock (_lock)
        {
            _sent += count;
            _sentTo[partition] = _sentTo.GetValueOrDefault(partition) + count;
        }
        if (count < 0) Changed();
    }

    public void Handled(string instance, int count, int partition = 0)
    {
        lock (_lock)
        {
            _handled[instance] += count;
            _handledOf[(instance, partition)] = _handledOf.GetValueOrDefault((instance, partition)) + count;
        }
        Changed();
    }

    /// <summary>What one of the readers has not handled yet of a partition.</summary>
    public long Waiting(string instance, int partition)
    {
        lock (_lock) return _sentTo.GetValueOrDefault(partition) - _handledOf.GetValueOrDefault((instance, partition));
    }

    /// <summary>Ends when at most <paramref name="limit"/> events are unhandled.</summary>
    public async ValueTask WaitForAsync(long limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_handled.Count == 0 || _sent - _handled.Values.Min() <= limit) return;
                changed = (_changed ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void Changed()
    {
        TaskCompletionSource? changed;
        lock (_lock) (changed, _changed) = (_changed, null);
        changed?.SetResult();
    }
}
