namespace Brook.MassTransit;

/// <summary>What was sent to a stream of this process and not yet handled by all who read it: for back-pressure, and to drain before a stop. Thread safe.</summary>
internal sealed class StreamBacklog
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _handled = [];
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
        lock (_lock) _handled.TryAdd(instance, _sent);
    }

    /// <summary>Events were sent; negative: they were not after all.</summary>
    public void Sent(int count)
    {
        lock (_lock) _sent += count;
        if (count < 0) Changed();
    }

    public void Handled(string instance, int count)
    {
        lock (_lock) _handled[instance] += count;
        Changed();
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
