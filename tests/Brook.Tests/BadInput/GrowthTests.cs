using System.Diagnostics;
using System.Text;
using Brook.Lanes;
using Brook.Tests.Support;
using static Brook.Change;

namespace Brook.Tests.BadInput;

/// <summary>Ten times the input takes about ten times as long: what takes a hundred times is a way to stop a lane. One large input against ten small ones, the fastest runs of each, again and again until it holds: what grows too fast never does, and a busy machine holds up both alike.</summary>
public sealed class GrowthTests
{
    private const int Small = 4000, Times = 10, Runs = 3;

    /// <summary>Between one, with room for caches and the collector, and ten.</summary>
    private const double Limit = 4.5;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private static readonly ViewCollection<int> Sums = "sums";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Shapes =>
    [
        "fields nobody knows", "one field again and again", "escapes in the type", "escapes in the data", "blanks between tokens", "depth", "quotes in a broken line", "headers",
        "events that cannot be read", "events behind a failed one", "events that fail", "types nobody maps",
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Ten_times_as_much_takes_about_ten_times_as_long(string shape)
    {
        await MeasureAsync(shape, Small);                                               // compiled
        var (small, large) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        for (var started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < s_patience;)
        {
            for (var run = 0; run < Runs; run++)
            {
                var ten = TimeSpan.Zero;
                for (var i = 0; i < Times; i++) ten += await MeasureAsync(shape, Small);
                (small, large) = (Less(small, ten), Less(large, await MeasureAsync(shape, Small * Times)));
            }
            if (large / small < Limit) return;
        }
        Assert.Fail($"{shape}: {Times} small ones take {small.TotalMilliseconds:F2} ms, and one {Times} times as large {large.TotalMilliseconds:F2} ms");
    }

    private static TimeSpan Less(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static async Task<TimeSpan> MeasureAsync(string shape, int size)
    {
        await using var lane = await TestLane.OpenAsync(brook =>
        {
            brook.Options.HandlerAttempts = 1;
            brook.On<int>("add", e => Merge(Sums, "a", sum => sum + e.Data)).On<int>("fail", e => throw new InvalidOperationException("no")).On<string>("text", e => Discard);
        });
        var records = Records(shape, size).Select(Encoding.UTF8.GetBytes).ToList();
        var started = Stopwatch.GetTimestamp();
        var events = records.Select((record, i) => EventEnvelope.Read(record, new EventPosition(lane.Lane.Name, i), default)).ToArray();
        await lane.Lane.ProcessAsync(events, Token);
        return Stopwatch.GetElapsedTime(started);
    }

    private static IEnumerable<string> Records(string shape, int size) => shape switch
    {
        "fields nobody knows" => [$$"""{"type":"add",{{string.Concat(Enumerable.Range(0, size).Select(i => $"\"f{i}\":{{}},"))}}"data":1}"""],
        "one field again and again" => [$$"""{{{string.Concat(Enumerable.Repeat("\"type\":\"add\",\"key\":\"k\",", size))}}"data":1}"""],
        "escapes in the type" => [$$"""{"type":"{{string.Concat(Enumerable.Repeat("\\u0061", size))}}","data":1}"""],
        "escapes in the data" => [TestLane.Event("text", new string('"', size * 10))],
        "blanks between tokens" => [$$"""{"type":{{new string(' ', size * 10)}}"add","data":1}"""],
        "depth" => [$$"""{"type":"add","x":{{new string('[', size)}}"""],
        "quotes in a broken line" => ["{\"auto_id\":\"" + new string('"', size * 10)],
        "headers" => [$$"""{"type":"add","headers":{{{string.Join(',', Enumerable.Range(0, size).Select(i => $"\"h{i}\":\"\""))}}},"data":1}"""],
        "events that cannot be read" => Enumerable.Repeat("{", size / 4),
        "events behind a failed one" => Enumerable.Range(0, size / 4).Select(i => TestLane.Event(i == 0 ? "fail" : "add", 1, "k")),
        "events that fail" => Enumerable.Range(0, size / 4).Select(i => TestLane.Event("fail", 1, $"k{i}")),
        "types nobody maps" => Enumerable.Range(0, size / 4).Select(i => TestLane.Event($"t{i}", 1)),
        _ => throw new ArgumentException(shape, nameof(shape)),
    };
}
