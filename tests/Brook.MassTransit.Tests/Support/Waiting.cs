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

    /// <inheritdoc cref="UntilAsync(Func{bool})"/>
    public static async Task UntilAsync(Func<ValueTask<bool>> condition)
    {
        using var deadline = new CancellationTokenSource(s_deadline);
        while (!await condition()) await Task.Delay(2, deadline.Token);
    }

    private static async Task AsTask(this System.Runtime.CompilerServices.YieldAwaitable yield, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await yield;
    }
}
