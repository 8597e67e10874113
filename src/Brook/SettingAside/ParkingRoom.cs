using System.Globalization;
using Brook.Lanes;
using Brook.Storage;

namespace Brook;

/// <summary>A lane that has no room for another event to be set aside stands still: to go on it would have to lose one, or its order.</summary>
internal sealed class ParkingRoom(LaneContext lane, ParkedRows parked)
{
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(5);
    private readonly EntryKey[] _parking = [new(RetryGuard.Collection, lane.Name)];

    /// <summary>Waits until somebody has worked on the lane's rows; what the batch sets aside is handled again then. Always true.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        lane.Halted = string.Create(CultureInfo.InvariantCulture, $"{parked.Held.Count:N0} events are set aside (MaxParkedEvents is {lane.Options.MaxParkedEvents:N0}), and there is no room for one more. Work on them with IParkedEvents; the lane goes on by itself when there is room");
        Log.LaneHalted(lane.Logger, lane.Engine.DisplayName, lane.Name, lane.Halted);
        for (var (attempt, seen) = (1, -1L); parked.Held.Count >= lane.Options.MaxParkedEvents; attempt++)
        {
            var version = (await lane.Store.ReadAsync(_parking, cancellationToken).ConfigureAwait(false))[0].Version;
            if (version != seen) await parked.LoadAsync(cancellationToken).ConfigureAwait(false);      // another process may have
            seen = version;
            if (parked.Held.Count >= lane.Options.MaxParkedEvents) await Task.Delay(Backoff.Until(attempt, lane.Options.RetryDelay, MaxPause), lane.Time, cancellationToken).ConfigureAwait(false);
        }
        lane.Halted = null;
        Log.RoomAgain(lane.Logger, lane.Name);
        lane.RestartFrom(parked.FirstStaged, revive: true);
        return true;
    }
}
