using Examples.Tests.Support;

namespace Examples.Tests;

public sealed class OrdersTests
{
    [Fact]
    public async Task It_prints_what_its_readme_says()
    {
        var expected = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "orders-expected-output.txt"), TestContext.Current.CancellationToken);
        var run = await Example.RunAsync("Orders.dll", []);
        Assert.Equal((0, "", expected.ReplaceLineEndings("\n")), (run.ExitCode, run.Error, run.Output.ReplaceLineEndings("\n")));
    }
}
