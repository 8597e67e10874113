using System.Diagnostics;
using Brook.Storage;
using static Brook.Change;

namespace Brook.MassTransit.Tests.Shared;

public sealed record Step(int Number);

/// <summary>Each key's events are numbered from 1 on; a handler that sees another number than the next one fails, and the event is set aside.</summary>
internal static class Steps
{
    public static readonly ViewCollection<int> Last = "last";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A view that nodes of one test share.</summary>
    public static BrookBuilder UseShared(this BrookBuilder brook, IViewStore store) => brook.UseStore(_ => store);

    public static BrookBuilder Count(this BrookBuilder brook) => brook.On<Step>("step", e => Merge(Last, e.Key!, last =>
        e.Data.Number == last + 1 ? e.Data.Number : throw new InvalidOperationException($"{e.Key}: {e.Data.Number} came after {last}")));

    public static BrookEvent<Step> Of(string key, int number) => new("step", new Step(number)) { Key = key };

    /// <summary>Looks again until it holds, or fails at the deadline with what there was instead.</summary>
    public static async Task UntilAsync<T>(Func<ValueTask<T>> value, Func<T, bool> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (await value() is var there && !holds(there))
        {
            if (Stopwatch.GetElapsedTime(started) > s_deadline) Assert.Fail($"Waited {s_deadline} in vain; at the end it was {there}");
            await Task.Delay(10, Token);
        }
    }

    public static Task UntilAsync(Func<bool> holds) => UntilAsync(() => new ValueTask<bool>(holds()), there => there);

    public static Task<T> WithDeadline<T>(this Task<T> task) => task.WaitAsync(s_deadline, Token);

    public static Task WithDeadline(this Task task) => task.WaitAsync(s_deadline, Token);
}
