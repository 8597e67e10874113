using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.Tests.Configuration;

public sealed class BrookOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => new BrookOptions().Validate("");

    [Fact]
    public void All_errors_are_reported_together()
    {
        var error = Assert.Throws<BrookException>(() => BrookBuilder.Register(new ServiceCollection(), "orders", brook =>
        {
            brook.Author(" ");
            brook.Options.HandlerTimeout = TimeSpan.Zero;
            brook.Options.HandlerAttempts = 0;
            brook.Options.RetryDelay = TimeSpan.FromSeconds(-1);
            brook.Options.BatchEvents = 10_001;
            brook.Options.BatchBytes = 1023;
            brook.Options.MaxEventBytes = 0;
            brook.Options.MaxReceivedBytes = 1;
            brook.Options.MaxUnhandledEvents = 0;
            brook.Options.UnknownEvents = (UnknownEventPolicy)7;
            brook.Options.LogLimit = -1;
            brook.Options.LogLimits["order:placed"] = -5;
            brook.Options.RememberedMessages = 0;
            brook.Options.RememberedEvents = 0;
            brook.Options.RememberedSharedMessages = 0;
        }));

        Assert.Equal("""
            The options of Brook instance 'orders' are not valid:
              - Author is ' '; it must be a name of 1,024 bytes at most.
              - HandlerTimeout is 00:00:00; it must be positive, one day at most.
              - HandlerAttempts is 0; it must be 1 or more.
              - RetryDelay is -00:00:01; it must be between zero and 30 seconds.
              - BatchEvents is 10001; it must be between 1 and 10,000.
              - BatchBytes is 1023; it must be between 1 kB and 64 MB.
              - MaxEventBytes is 0; it must be between 1 kB and 64 MB.
              - MaxReceivedBytes is 1; it must be between 1 kB and 128 MB.
              - MaxUnhandledEvents is 0; it must be 1 or more.
              - UnknownEvents is 7; it must be a value of UnknownEventPolicy.
              - LogLimit is -1; it must be 0 or more (BrookOptions.KeepAll keeps all).
              - LogLimits["order:placed"] is -5; it must be 0 or more (BrookOptions.KeepAll keeps all).
              - RememberedMessages is 0; it must be between 1 and 10,000,000.
              - RememberedEvents is 0; it must be between 1 and 10,000,000.
              - RememberedSharedMessages is 0; it must be between 1 and 100,000,000.
            """.ReplaceLineEndings("\n"), error.Message);
    }

    [Fact]
    public void Every_number_and_time_has_a_rule()
    {
        foreach (var option in typeof(BrookOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.PropertyType == typeof(int) || property.PropertyType == typeof(TimeSpan)))
        {
            var options = new BrookOptions();
            option.SetValue(options, option.PropertyType == typeof(int) ? -1 : TimeSpan.FromDays(-1));

            Assert.Contains($"- {option.Name} is -1", Assert.Throws<BrookException>(() => options.Validate("")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_types_own_log_limit_comes_before_the_general_one()
    {
        var options = new BrookOptions { LogLimit = 5 };
        options.LogLimits["a"] = 0;

        Assert.Equal((0, 5), (options.LogLimitOf("a"), options.LogLimitOf("b")));
    }
}
