namespace Brook.MassTransit.Tests.Support;

internal static class Waiting
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);

    /// <summary>Ends with the task, or fails at the deadline: no test hangs.</summary>
    public static Task WithDeadline(this Task task) => task.WaitAsync(s_deadline, TestContext.Current.CancellationToken);

    public static Task<T> WithDeadline<T>(this Task<T> task) => task.WaitAsync(s_deadline, TestContext.Current.CancellationToken);

    /// <summary>Looks again until the condition holds, or fails at the deadline.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(s_deadline);
        while (!condition()) await Task.Yield().AsTask(deadline.Token);
    }

    private static async Task AsTask(this System.Runtime.CompilerServices.YieldAwaitable yield, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await yield;
    }
}
