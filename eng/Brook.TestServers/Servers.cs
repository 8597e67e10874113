namespace Brook.TestServers;

/// <summary>Whether a test that needs a server runs, is skipped or fails.</summary>
public static class Servers
{
    /// <summary>Set (to anything but 0) where all servers have to be there: a test that lacks one fails then, instead of being skipped.</summary>
    public const string RequiredVariable = "BROOK_REQUIRE_SERVERS";

    /// <summary>Null when the server can be started; otherwise the reason to skip with.</summary>
    /// <param name="whyNot">What the server says: <see cref="RedisServer.WhyNot"/>.</param>
    /// <exception cref="InvalidOperationException">It cannot, and <see cref="RequiredVariable"/> is set.</exception>
    public static string? SkipReason(string? whyNot) => SkipReason(whyNot, Environment.GetEnvironmentVariable(RequiredVariable));

    internal static string? SkipReason(string? whyNot, string? required) => whyNot is null || required is null or "" or "0"
        ? whyNot
        : throw new InvalidOperationException($"{whyNot}. {RequiredVariable}={required} makes this a failure: install it, or unset the variable to skip.");

    /// <summary>The full path of a program on PATH or in the usual places; null when there is none.</summary>
    internal static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Concat(["/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"])
        .Where(folder => folder.Length > 0)
        .Select(folder => Path.Combine(folder, program))
        .FirstOrDefault(File.Exists);
}
