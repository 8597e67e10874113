using System.Text.Json;
using Brook.Lanes;
using Brook.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Brook.Change;

namespace Brook.Tests.Handling;

/// <summary>Which handler gets which event, in which order.</summary>
public sealed class HandlersTests
{
    private static readonly ViewCollection<int> Sums = "sums";

    [Fact]
    public async Task All_handlers_of_a_type_run_in_the_order_they_were_added_typed_untyped_and_functions()
    {
        var seen = new List<string>();
        await using var lane = await OpenAsync(seen, brook => brook
            .On<Counted>("counted", e => { seen.Add("first function"); return default; })
            .AddHandler<Untyped>()
            .AddHandler<Typed>()
            .On<Counted>("counted", e => { seen.Add("last function"); return default; }));
        await lane.ProcessAsync(TestLane.Event("counted", new { n = 3 }));
        Assert.Equal(["first function", "untyped Counted { N = 3 }", "typed 3", "last function"], seen);
    }

    [Fact]
    public async Task A_class_with_a_typed_and_the_untyped_interface_gets_each_event_once_by_the_typed_one_where_it_can()
    {
        var seen = new List<string>();
        await using var lane = await OpenAsync(seen, brook => brook.AddHandler<Both>());
        await lane.ProcessAsync(TestLane.Event("counted", new { n = 3 }), TestLane.Event("anything", new { x = 1 }));
        Assert.Equal(["typed 3", "untyped anything {\"x\":1}"], seen);
    }

    [Fact]
    public async Task One_object_of_a_synchronous_handler_serves_all_events()
    {
        var seen = new List<string>();
        await using var lane = await OpenAsync(seen, brook => brook.AddHandler<Counting>());
        await lane.ProcessAsync(TestLane.Event("counted", new { n = 1 }), TestLane.Event("counted", new { n = 2 }), TestLane.Event("counted", new { n = 3 }));
        Assert.Equal(["call 1", "call 2", "call 3"], seen);
    }

    [Fact]
    public async Task A_handler_that_fails_once_is_tried_again_before_any_later_event_is_handled()
    {
        var (seen, failed) = (new List<string>(), false);
        await using var lane = await OpenAsync(seen, brook => brook.On<Counted>("counted", e =>
        {
            seen.Add($"{e.Data.N}");
            if (e.Data.N != 2 || failed) return Merge(Sums, "a", sum => (sum * 10) + e.Data.N);
            failed = true;
            throw new InvalidOperationException("once");
        }));
        var result = await lane.ProcessAsync(TestLane.Event("counted", new { n = 1 }), TestLane.Event("counted", new { n = 2 }), TestLane.Event("counted", new { n = 3 }));
        Assert.Equal((new BatchResult(BatchOutcome.Committed, 3, 0, 0, 0), "123"), (result, await lane.StoredAsync("sums", "a")));
        Assert.Equal(["1", "2", "2", "3"], seen);
    }

    [Fact]
    public async Task A_merge_that_throws_once_is_folded_again_and_its_handler_is_not_called_again()
    {
        var (calls, folds) = (0, 0);
        await using var lane = await OpenAsync([], brook => brook.On<Counted>("counted", e =>
        {
            calls++;
            return Merge(Sums, "a", sum => ++folds == 1 ? throw new InvalidOperationException("once") : sum + e.Data.N);
        }));
        await lane.ProcessAsync(TestLane.Event("counted", new { n = 5 }));
        Assert.Equal((1, 2, "5"), (calls, folds, await lane.StoredAsync("sums", "a")));
    }

    [Fact]
    public async Task Changes_that_a_failing_attempt_has_staged_are_taken_back_before_the_next_one()
    {
        var attempts = 0;
        await using var lane = await OpenAsync([], brook => brook
            .On<Counted>("counted", e => [Merge(Sums, "a", sum => sum + 1), Merge(Sums, "b", sum => sum + 1)])
            .On<Counted>("counted", e => ++attempts < 3 ? throw new InvalidOperationException("twice") : Merge(Sums, "a", sum => sum + 10)));
        await lane.ProcessAsync(TestLane.Event("counted", new { n = 5 }));
        Assert.Equal(("11", "1"), (await lane.StoredAsync("sums", "a"), await lane.StoredAsync("sums", "b")));
    }

    private static Task<TestLane> OpenAsync(List<string> seen, Action<BrookBuilder> configure) => TestLane.OpenAsync(configure, services: services => services.AddSingleton(seen));

    internal sealed record Counted(int N);

    internal sealed class Untyped(List<string> seen) : IBrookHandler
    {
        public Changes Handle(BrookEvent e)
        {
            seen.Add($"untyped {e.Data}");
            return default;
        }
    }

    internal sealed class Typed(List<string> seen) : IBrookHandler<Counted>
    {
        public Changes Handle(BrookEvent<Counted> e)
        {
            seen.Add($"typed {e.Data.N}");
            return default;
        }
    }

    internal sealed class Both(List<string> seen) : IBrookHandler<Counted>, IBrookHandler
    {
        public Changes Handle(BrookEvent<Counted> e)
        {
            seen.Add($"typed {e.Data.N}");
            return default;
        }

        public Changes Handle(BrookEvent e)
        {
            seen.Add($"untyped {e.Type} {((JsonElement)e.Data!).GetRawText()}");
            return default;
        }
    }

    internal sealed class Counting(List<string> seen) : IBrookHandler<Counted>
    {
        private int _calls;

        public Changes Handle(BrookEvent<Counted> e)
        {
            seen.Add($"call {++_calls}");
            return default;
        }
    }
}
