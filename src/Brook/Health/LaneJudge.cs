using System.Globalization;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>What was seen of a lane before: some things are only seen by looking twice.</summary>
internal sealed class LaneHistory
{
    /// <summary>It was near the end of its source once, since it was opened here.</summary>
    public bool WasNear { get; set; }

    /// <summary>What would have changed, had anything happened; and since when (a timestamp) it has not.</summary>
    public long Mark { get; set; }

    public long Since { get; set; } = -1;

    public (BrookState State, DateTimeOffset Since)? Told { get; set; }
}

/// <summary>What a lane's source, this process and the store say, put together.</summary>
internal sealed class LaneJudge(BrookOptions options, TimeProvider time, LaneHistory history)
{
    /// <param name="source">As the source has it.</param>
    /// <param name="open">As it is open here; null: it is not.</param>
    /// <param name="isStarted">The transport has started.</param>
    /// <param name="stored">Its entry in the store, when it is not open here; null: not read, or there is none.</param>
    public LaneStatus Judge(SourceLane source, Lane? open, bool isStarted, StoredEntry? stored)
    {
        var behind = source.Waiting ?? Behind(source, open, stored);
        var oldest = open?.Watch.Oldest is { } at ? Later(TimeSpan.Zero, time.GetUtcNow() - at) : (TimeSpan?)null;
        var opens = open is null && source is { IsHere: true, End: not null };      // where offsets are counted a lane is opened before anything comes
        var still = open?.Watch.IsBusy == true ? open.Watch.Still() : Unchanged(behind > 0 || opens, open?.Watch.Steps ?? stored?.Version ?? 0);
        var (state, reason) = Find(source, open, opens || !isStarted, behind, oldest, still);
        if (state == BrookState.Live && open is not null) history.WasNear = true;
        if (open is null) history.WasNear = false;
        if (history.Told?.State != state) history.Told = (state, time.GetUtcNow());
        return new()
        {
            Name = source.Name, State = state, Reason = reason, Since = history.Told.Value.Since, IsHere = source.IsHere, Behind = behind, CountsMessages = source.CountsMessages, OldestAge = oldest, WithoutProgress = still,
        };
    }

    /// <summary>What the lane is at, as the end of a sentence.</summary>
    public static string What(Lane lane) => lane.Watch switch
    {
        { Failure: { } failure } => $"it fails in a way that no event is to blame for: {failure.TrimEnd('.')}",
        { EventType: { } type } => $"a handler of '{type}' has not ended. A synchronous one cannot be given up: look at what it waits for",
        _ => "the store has not ended a call",
    };

    private (BrookState, string) Find(SourceLane source, Lane? open, bool opens, long? behind, TimeSpan? oldest, TimeSpan still)
    {
        var (lane, waits) = ($"Lane {source.Name}", behind > 0 ? Text($" ({behind:N0} {(source.CountsMessages ? "messages" : "events")} wait)") : "");
        if ((open?.Halted ?? source.Halted) is { } halted) return (BrookState.Halted, $"{lane} stands still until somebody acts{waits}: {halted.TrimEnd('.')}.");
        if (open?.StoreProblem is { } problem) return (BrookState.StoreLost, $"{lane} waits for the store{waits}: {problem.TrimEnd('.')}.");
        if (still > options.StalledAfter && open?.Watch.IsBusy == true) return (BrookState.Stalled, Text($"{lane} has not gone on for {still:hh\\:mm\\:ss}{waits}: {What(open)}."));
        if (still > options.StalledAfter) return (BrookState.Stalled, Text($"{lane}{waits} has been given nothing for {still:hh\\:mm\\:ss}, {(source.IsHere ? "and this process is the one to read it: restart it, and look at the broker's consumers" : "and no process goes on with it: look at those that should read it")}."));
        if (open is null) return !source.IsHere ? (BrookState.Standby, $"{lane} is read by another process, or nothing has come for it yet{waits}.") : behind > 0 || opens ? (BrookState.Starting, $"{lane} is not open yet{waits}.") : (BrookState.Live, $"{lane} has nothing to read.");
        if (behind > options.LaggingEvents) return Late(Text($"{lane} is {behind:N0} {(source.CountsMessages ? "messages" : "events")} behind; {options.LaggingEvents:N0} are lagging (LaggingEvents)"));
        if (oldest > options.LaggingAge) return Late(Text($"{lane}'s oldest event at work was sent {oldest:d\\.hh\\:mm\\:ss} ago; {options.LaggingAge} is lagging (LaggingAge){waits}"));
        return (BrookState.Live, $"{lane} is live{waits}.");
    }

    private (BrookState, string) Late(string what) => history.WasNear
        ? (BrookState.Lagging, $"{what}. Handlers or the store are slower than the senders: see brook.handler.duration and brook.commit.duration, or give the stream more partitions.")
        : (BrookState.CatchingUp, $"{what}. It has not been near the end since it was opened here: wait, or do not send readers here yet.");

    private static long? Behind(SourceLane source, Lane? open, StoredEntry? stored)
    {
        if (source.End is not { } end) return null;
        if (open is not null) return Math.Max(0, end - open.NextOffset);
        return stored is { IsMissing: false } entry ? Math.Max(0, end - LaneState.Read(entry.Value.Span).Next) : end == 0 ? 0 : null;      // never read: nobody knows where it begins
    }

    /// <summary>For how long something has waited and nothing changed, from one look to the next.</summary>
    private TimeSpan Unchanged(bool waits, long mark)
    {
        if (waits && mark == history.Mark && history.Since >= 0) return time.GetElapsedTime(history.Since);
        (history.Mark, history.Since) = (mark, time.GetTimestamp());
        return TimeSpan.Zero;
    }

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
