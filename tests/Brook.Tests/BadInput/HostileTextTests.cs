using System.Reflection;
using System.Text;
using System.Text.Json;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static Brook.Change;

namespace Brook.Tests.BadInput;

/// <summary>Names from outside are names: they make no log lines, load no types and reach no other key.</summary>
public sealed class HostileTextTests
{
    private static readonly ViewCollection<string> Things = "things";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Types => new()
    {
        { "line breaks", "a\r\nfail: Brook[0] the view was deleted" },
        { "a terminal's commands", "a\u001b[2J\u001b[31mred" },
        { "NUL and bell", "a\0b\a" },
        { "Unicode's line ends", "a\u2028b\u2029c\u0085d" },
        { "a text turned round", "a\u202egnp.exe" },
        { "nine hundred characters", new string('x', 900) },
        { "placeholders", "{Instance} {0} %s ${jndi:ldap://x}" },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_type_name_makes_no_second_log_line_and_is_quoted_in_sixty_characters(string what, string type)
    {
        foreach (var policy in new[] { UnknownEventPolicy.Ignore, UnknownEventPolicy.Park })
        {
            var logs = new FakeLogCollector();
            await using var lane = await TestLane.OpenAsync(brook => brook.Options.UnknownEvents = policy, services: services => services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs)).AddLogging());

            await lane.ProcessAsync(TestLane.Event(type, 1), TestLane.Event("other", 1));

            var said = logs.GetSnapshot().Where(log => log.Id.Name is "UnknownType" or "SetAside").ToList();
            Assert.True(said.Count >= 2, what);
            foreach (var text in said.SelectMany(log => new[] { log.Message, log.Exception?.Message ?? "" }))
            {
                Assert.DoesNotContain(text, c => char.IsControl(c) || c is '\u2028' or '\u2029' or '\u202e');
                Assert.InRange(text.Length, 0, 400);
            }
            await foreach (var parked in lane.Parked.ListAsync(cancellationToken: Token)) Assert.True(parked.Type == type || parked.Type == "other");      // as it is
        }
    }

    [Fact]
    public async Task A_handler_that_fails_on_any_type_says_it_on_one_line()
    {
        var logs = new FakeLogCollector();
        await using var lane = await TestLane.OpenAsync(brook => brook.AddHandler<Failing>(), services: services => services.AddSingleton<ILoggerProvider>(new FakeLoggerProvider(logs)).AddLogging());

        await lane.ProcessAsync(TestLane.Event("a\nb", 1));

        var said = logs.GetSnapshot().Where(log => log.Id.Name is "AttemptFailed" or "SetAside").ToList();
        Assert.Equal(3, said.Count);
        Assert.All(said, log => Assert.Contains("'a?b'", log.Message, StringComparison.Ordinal));
    }

    public sealed class Failing : IBrookHandler
    {
        public Changes Handle(BrookEvent e) => throw new InvalidOperationException(new string('x', 1_000_000));
    }

    [Fact]
    public async Task The_reason_that_is_kept_with_an_event_has_4000_characters_at_most()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.AddHandler<Failing>());

        await lane.ProcessAsync(TestLane.Event("any", 1));

        var parked = await lane.Parked.ListAsync(cancellationToken: Token).SingleAsync(Token);
        Assert.Equal(new string('x', 4000) + "...", parked.Error);
        Assert.InRange((await lane.StoredAsync("$parked", parked.RowId))!.Length, 4000, 6000);
    }

    [Fact]
    public async Task A_field_name_in_a_reason_is_short_and_on_one_line()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<Dictionary<string, int>>("map", e => Discard));
        var name = "a\\nb" + new string('x', 100_000);

        await lane.ProcessAsync($$$"""{"type":"map","headers":{"{{{name}}}":1},"data":{}}""", $$$"""{"type":"map","data":{"{{{name}}}":"no number"}}""");

        var errors = await lane.Parked.ListAsync(cancellationToken: Token).Select(parked => parked.Error).ToListAsync(Token);
        Assert.Equal(2, errors.Count);
        Assert.StartsWith("The event cannot be read: \"headers.a?bxxxx", errors[0], StringComparison.Ordinal);
        Assert.All(errors, error => Assert.DoesNotContain('\n', error));
        Assert.InRange(errors[0].Length, 50, 300);
        Assert.InRange(errors[1].Length, 50, Names.MaxReason + 3);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("smile 😀", "smile 😀")]
    [InlineData("a\nb\u001bc\u2028d\u202ee\u007ff", "a?b?c?d?e?f")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void A_name_is_shown_on_one_line(string? name, string shown) => Assert.Equal(shown, Names.Show(name));

    [Fact]
    public void A_long_name_is_cut_and_half_a_character_is_none()
    {
        Assert.Equal(new string('x', 60) + "...", Names.Show(new string('x', 61)));
        Assert.Equal(new string('x', 59) + "?...", Names.Show(new string('x', 59) + "😀"));
    }

    /// <summary>Nothing in the process is asked for a type or an assembly by a name that came from outside.</summary>
    [Theory]
    [InlineData("the event's type", """{"type":"Brook.Evil.Type, Brook.Evil","data":{}}""")]
    [InlineData("the type of a process", """{"type":"System.Diagnostics.Process, System.Diagnostics.Process","data":{"StartInfo":{"FileName":"touch"}}}""")]
    [InlineData("$type in the data", """{"type":"json","data":{"$type":"Brook.Evil.Type, Brook.Evil","$id":"1","$values":[]}}""")]
    [InlineData("$type in data that is an object", """{"type":"object","data":{"$type":"Brook.Evil.Type, Brook.Evil"}}""")]
    [InlineData("$type in a record", """{"type":"thing","data":{"$type":"Brook.Evil.Type, Brook.Evil","name":"a"}}""")]
    [InlineData("$type of the whole", """{"$type":"Brook.Evil.Type, Brook.Evil","__type":"Brook.Evil.Type, Brook.Evil","@class":"Brook.Evil","type":"json","data":1}""")]
    [InlineData("a header", """{"type":"json","headers":{"MT-Fault-ExceptionType":"Brook.Evil.Type, Brook.Evil"},"data":1}""")]
    public async Task A_type_name_from_outside_loads_no_type(string what, string record)
    {
        var asked = new List<string>();
        Assembly? Note(object? sender, ResolveEventArgs args)
        {
            lock (asked) asked.Add(args.Name);
            return null;
        }
        AppDomain.CurrentDomain.AssemblyResolve += Note;
        AppDomain.CurrentDomain.TypeResolve += Note;
        try
        {
            object? seen = null;
            await using var lane = await TestLane.OpenAsync(brook => brook.On<JsonElement>("json", e => { seen = e.Data; return Discard; }).On<object>("object", e => { seen = e.Data; return Discard; }).On<Thing>("thing", e => { seen = e.Data; return Discard; }));

            var result = await lane.ProcessAsync(record);

            Assert.Equal((1, 0), (result.Discarded, result.SetAside));
            Assert.True(seen is null or JsonElement or Thing, what);
            Assert.DoesNotContain(asked, name => name.Contains("Brook.Evil", StringComparison.Ordinal));
        }
        finally
        {
            AppDomain.CurrentDomain.AssemblyResolve -= Note;
            AppDomain.CurrentDomain.TypeResolve -= Note;
        }
    }

    public sealed record Thing(string Name);

    [Theory]
    [InlineData("a blank", " ")]
    [InlineData("NUL", "a\0b")]
    [InlineData("a line break", "a\nb")]
    [InlineData("an emoji", "😀")]
    [InlineData("a path", "../../etc/passwd")]
    [InlineData("a Redis glob", "*?[a-z]{x}")]
    [InlineData("SQL", "'; DROP TABLE entries; --")]
    [InlineData("a collection of Brook's own", "$lanes/test/0")]
    [InlineData("percent signs", "%00%0a")]
    public async Task A_key_is_a_key_whatever_it_looks_like(string what, string key)
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("set", e => Create(Things, e.Key!, e.Data)));
        await lane.ProcessAsync(TestLane.Event("set", "other", "other"));

        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("set", what, key))).Applied);

        Assert.Equal((what, "other", 2L), (await lane.View.GetAsync(Things, key, Token), await lane.View.GetAsync(Things, "other", Token), await lane.View.CountAsync(Things, Token)));
    }

    [Theory]
    [InlineData("garbage", "garbage")]
    [InlineData("a thousand characters", "00-")]
    [InlineData("zeros", "00-00000000000000000000000000000000-0000000000000000-00")]
    public async Task A_trace_that_is_none_is_no_reason_to_fail(string what, string trace)
    {
        using var listener = new System.Diagnostics.ActivityListener { ShouldListenTo = source => source.Name == "Brook", Sample = (ref System.Diagnostics.ActivityCreationOptions<System.Diagnostics.ActivityContext> _) => System.Diagnostics.ActivitySamplingResult.AllData };
        System.Diagnostics.ActivitySource.AddActivityListener(listener);
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("set", e => Create(Things, "a", e.Data)));
        var value = what == "a thousand characters" ? trace + new string('f', 1000) : trace;

        Assert.Equal(1, (await lane.ProcessAsync(TestLane.Event("set", "a").Replace("\"data\"", $"\"headers\":{{\"traceparent\":\"{value}\"}},\"data\"", StringComparison.Ordinal))).Applied);
    }

    [Theory]
    [InlineData("a time far ahead", """{"type":"set","create_ts":253402300799999,"data":"a"}""", 1)]
    [InlineData("a time before 1970", """{"type":"set","create_ts":-1,"data":"a"}""", 1)]
    [InlineData("a time before the year 1", """{"type":"set","create_ts":-62135596800001,"data":"a"}""", 0)]
    [InlineData("a time of twenty digits", """{"type":"set","create_ts":99999999999999999999,"data":"a"}""", 0)]
    [InlineData("no time, no author, no id", """{"type":"set","data":"a"}""", 1)]
    [InlineData("an unknown version", """{"version":99,"type":"set","data":"a"}""", 1)]
    [InlineData("fields twice", """{"type":"x","type":"set","data":"b","data":"a"}""", 1)]
    [InlineData("names in capitals", """{"TYPE":"set","DATA":"a"}""", 0)]
    [InlineData("comments", """{"type":"set",/* x */"data":"a"}""", 0)]
    [InlineData("a comma at the end", """{"type":"set","data":"a",}""", 0)]
    [InlineData("single quotes", """{'type':'set','data':'a'}""", 0)]
    [InlineData("a GUID in braces", """{"id":"{0196f000-0000-7000-8000-000000000001}","type":"set","data":"a"}""", 0)]
    [InlineData("an empty GUID", """{"id":"00000000-0000-0000-0000-000000000000","type":"set","data":"a"}""", 1)]
    [InlineData("ids of both kinds", """{"auto_id":"0196f000-0000-7000-8000-000000000001","id":"0196f000-0000-7000-8000-000000000002","type":"set","data":"a"}""", 1)]
    public async Task Odd_fields_are_taken_or_set_aside_and_never_a_failure_of_the_lane(string what, string record, int applied)
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("set", e => Create(Things, "a", e.Data)));

        var result = await lane.ProcessAsync(record, TestLane.Event("set", "b"));

        Assert.True((applied + 1, 1 - applied) == (result.Applied, result.SetAside), $"{what}: {result}");
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_are_set_aside_as_they_came()
    {
        await using var lane = await TestLane.OpenAsync(brook => brook.On<string>("set", e => Create(Things, "a", e.Data)));
        byte[] own = [.. Encoding.UTF8.GetBytes(TestLane.Event("set", "")[..^2]), 0xff, 0xfe, .. "\"}"u8];
        byte[] foreign = [.. "{\"type\":\"set\",\"data\":\""u8, 0xc3, 0x28, .. "\"}"u8];
        Brook.Lanes.EventEnvelope[] events = [.. new[] { own, foreign }.Select((bytes, i) => Brook.Lanes.EventEnvelope.Read(bytes, new EventPosition(lane.Lane.Name, i), default))];

        Assert.Equal(2, (await lane.Lane.ProcessAsync(events, Token)).SetAside);

        var rows = await lane.Parked.ListAsync(cancellationToken: Token).ToListAsync(Token);
        Assert.Equal([own, foreign], rows.Select(row => row.Event.ToArray()));
    }
}
