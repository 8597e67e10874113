namespace Brook.Sqlite;

/// <summary>A time as the file has it: Unix milliseconds.</summary>
internal static class Moment
{
    public static long? To(DateTimeOffset? moment) => moment?.ToUnixTimeMilliseconds();

    public static DateTimeOffset? From(long? milliseconds) => milliseconds is { } number ? DateTimeOffset.FromUnixTimeMilliseconds(number) : null;
}
