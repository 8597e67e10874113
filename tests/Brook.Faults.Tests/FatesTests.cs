namespace Brook.Faults.Tests;

/// <summary>What the clean fold says of events that fail: which are in the view in the end, which are left, and which hold up their key.</summary>
public sealed class FatesTests
{
    private const int Count = 4000;
    private static readonly Events s_events = new(seed: 1, copies: false);
    private static readonly List<Event> s_all = [.. Enumerable.Range(0, Count).Select(n => s_events.At(0, n))];
    private static readonly CleanFold s_clean = Folded();

    [Fact]
    public void There_are_events_of_each_fate() => Assert.Equal(Enum.GetValues<Fate>(), s_all.Select(e => e.Fate).Distinct().Order());

    [Fact]
    public void Each_event_is_in_the_view_or_left_or_given_up()
        => Assert.Equal(Count, s_clean.Collections["seen"].Count + s_clean.Parked.Count + s_clean.Skipped);

    [Fact]
    public void What_stays_holds_up_its_key_and_what_is_given_up_does_not()
    {
        foreach (var key in s_all.Where(e => e.Key is not null).GroupBy(e => e.Key))
        {
            var blocked = key.SkipWhile(e => e.Fate != Fate.Stays).Where(e => e.Fate != Fate.Skipped).Select(e => e.Data.N).ToHashSet();
            Assert.All(key, e => Assert.Equal(e.Fate == Fate.LetGo || blocked.Contains(e.Data.N), s_clean.Parked.Exists(row => row.N == e.Data.N)));
        }
    }

    [Fact]
    public void A_replaced_event_is_in_the_log_as_it_is_now_and_recognised()
    {
        var e = s_all.First(e => e is { Fate: Fate.Replaced, Key: null });

        Assert.Equal(e.Replaced().Json, Assert.Single(s_clean.Collections["values"][e.Data.Entry].Records));
        Assert.Equal((Fate.Works, e.Replaced()), s_events.Find(e.Replaced().Json) is { } found ? (found.Fate, found) : default);
        Assert.Null(s_events.Find(s_all.First(e => e.Fate == Fate.Skipped).Replaced().Json));
    }

    private static CleanFold Folded()
    {
        var clean = new CleanFold();
        clean.Add(s_events, 0, Enumerable.Range(0, Count));
        return clean;
    }
}
