namespace Brook.Bench;

/// <summary>Concurrent callers who share the events among them, each awaiting one send before the next.</summary>
internal static class Callers
{
    public static Task SendAsync(int callers, int events, Func<int, Task> send) => SendAsync<bool>(callers, events, async i =>
    {
        await send(i);
        return true;
    });

    /// <summary>Gives each caller's last answer.</summary>
    public static async Task<IReadOnlyList<T>> SendAsync<T>(int callers, int events, Func<int, Task<T>> send)
    {
        var next = -1;
        return [.. (await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(CallAsync)))).Where(caller => caller.Any).Select(caller => caller.Last)];

        async Task<(T Last, bool Any)> CallAsync()
        {
            (T Last, bool Any) answer = default;
            for (var i = Interlocked.Increment(ref next); i < events; i = Interlocked.Increment(ref next)) answer = (await send(i), true);
            return answer;
        }
    }
}

/// <summary>Counts what consumers have handled, for who waits for the last one.</summary>
internal sealed class Arrivals
{
    private TaskCompletionSource _all = new();
    private long _seen, _until;

    public long Seen => Interlocked.Read(ref _seen);

    /// <summary>Ends when so many more were handled. Call it before they are sent.</summary>
    public Task Expect(int events)
    {
        _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _until, Seen + events);
        return _all.Task;
    }

    public void Add(int events = 1)
    {
        if (Interlocked.Add(ref _seen, events) >= Volatile.Read(ref _until)) _all.TrySetResult();
    }
}
