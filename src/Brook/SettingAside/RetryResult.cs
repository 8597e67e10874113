using System.Globalization;

namespace Brook;

/// <summary>What became of events that were set aside and tried again. Immutable.</summary>
public sealed class RetryResult
{
    internal RetryResult(int applied, IReadOnlyList<ParkedEvent> failed, int behind) => (Applied, Failed, Behind) = (applied, failed, behind);

    /// <summary>How many are in the view now (or were discarded by their handlers); their rows are gone.</summary>
    public int Applied { get; }

    /// <summary>Those that failed again, as their rows are now; <see cref="ParkedEvent.Error"/> says why.</summary>
    public IReadOnlyList<ParkedEvent> Failed { get; }

    /// <summary>How many stand behind one of those still.</summary>
    public int Behind { get; }

    /// <summary>For people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"applied={Applied}, failed={Failed.Count}, behind={Behind}");
}
