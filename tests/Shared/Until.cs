namespace Brook.Tests.Shared;

internal static class Until
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);

    /// <summary>Waits until something has become true, and does something again and again meanwhile; fails when that takes too long.</summary>
    public static async Task TrueAsync(Func<bool> condition, string what, Func<Task>? meanwhile = null)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(s_deadline);
        while (!condition())
        {
            if (deadline.IsCancellationRequested) Assert.Fail($"Waited {s_deadline} in vain: {what}");
            await (meanwhile?.Invoke() ?? Task.Delay(2, CancellationToken.None));
        }
    }

    /// <summary>Ends with the task; fails when that takes too long.</summary>
    public static Task<T> Done<T>(this Task<T> task) => task.WaitAsync(s_deadline, TestContext.Current.CancellationToken);

    /// <inheritdoc cref="Done{T}(Task{T})"/>
    public static Task Done(this Task task) => task.WaitAsync(s_deadline, TestContext.Current.CancellationToken);
}
