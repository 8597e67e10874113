using System.Text;
using Brook;
using GitHistory;

namespace Examples.Tests;

public sealed class GitLogTests
{
    private const string Root = "1111111111111111111111111111111111111111", Second = "2222222222222222222222222222222222222222";

    [Fact]
    public void A_commit_is_its_file_events_and_then_itself()
    {
        var events = Parse($"{Root}|Ann|ann@x|1700000000|First|\nA|a b|A|nl\nx|{Second}|Bob|bob@x|1700000060|Second|\nM|a b|T|link|D|nl\nx|");

        Assert.Equal(["file:added(a b)", @"file:added(nl\x0ax)", "commit:made(Ann)", "file:modified(a b)", "file:modified(link)", @"file:deleted(nl\x0ax)", "commit:made(Bob)"], events.Select(e => e.ToString()));
        Assert.Equal(new CommitMade(new(Root, "Ann", "First"), 2), events[2].Data);
        Assert.Equal(new FileModified("a b", new(Second, "Bob", "Second")), events[3].Data);
        Assert.All(events[3..], e => Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1700000060), e.CreatedAt));
    }

    [Fact]
    public void A_commit_may_change_nothing() =>
        Assert.Equal(["commit:made(Ann)", "commit:made(Ann)"], Parse($"{Root}|Ann|ann@x|1|First|{Second}|Ann|ann@x|2||").Select(e => e.ToString()));

    [Fact]
    public void A_path_that_looks_like_a_status_or_a_hash_is_a_path() =>
        Assert.Equal(["file:added(A)", $"file:added({Root})", "commit:made(Ann)"], Parse($"{Root}|Ann|ann@x|1|First|\nA|A|A|{Root}|").Select(e => e.ToString()));

    [Theory]
    [InlineData("", "ann@x", "<ann@x>")]
    [InlineData("", "", "(no name)")]
    [InlineData("J\xf6rg", "", @"J\xf6rg")]
    public void An_author_always_has_a_key(string name, string email, string key) =>
        Assert.Equal(key, Parse($"{Root}|{name}|{email}|1|First|")[0].Key);

    [Theory]
    [InlineData("", 0)]
    [InlineData("99999999999999", 253402300799)]
    [InlineData("-5", 0)]
    public void A_broken_time_is_no_reason_to_stop(string seconds, long expected) =>
        Assert.Equal(expected, Parse($"{Root}|Ann|ann@x|{seconds}|First|")[0].CreatedAt.ToUnixTimeSeconds());

    [Theory]
    [InlineData("{0}|Ann|ann")]
    [InlineData("{0}|Ann|ann@x|1|First|\nA|")]
    [InlineData("{0}|Ann|ann@x|1|First|\nA|a")]
    public void Output_that_ends_in_the_middle_is_an_error(string output) =>
        Assert.Throws<EndOfStreamException>(() => Parse(output.Replace("{0}", Root, StringComparison.Ordinal)));

    [Fact]
    public void A_stream_that_comes_byte_by_byte_gives_the_same_events()
    {
        var output = $"{Root}|Ann|ann@x|1700000000|First|\nA|{new string('p', 70_000)}|A|b|{Second}|Bob|bob@x|1700000060|Second|";
        Assert.Equal(Parse(output).Select(e => e.Data), GitLog.Parse(new Drip(Bytes(output))).Select(e => e.Data));
    }

    [Theory]
    [InlineData("plain/path with space", "plain/path with space")]
    [InlineData("caf\xc3\xa9", "café")]
    [InlineData("caf\xe9", @"caf\xe9")]
    [InlineData(@"caf\xe9", @"caf\\xe9")]
    [InlineData("tab\tnl\nesc\x1b[31m", @"tab\x09nl\x0aesc\x1b[31m")]
    [InlineData("\xc2\x85", @"\xc2\x85")]
    [InlineData("\xed\xa0\x80", @"\xed\xa0\x80")]
    [InlineData("\xf0\x9f\x98\x80", "😀")]
    public void Names_are_shown_without_loss(string name, string text) => Assert.Equal(text, Names.Text(Encoding.Latin1.GetBytes(name)));

    [Fact]
    public void Any_two_names_stay_two()
    {
        var random = new Random(1);
        var names = Enumerable.Range(0, 20_000).Select(_ => Enumerable.Range(0, random.Next(1, 5)).Select(_ => (byte)random.Next(1, 256)).ToArray()).ToList();
        Assert.Equal(names.Select(Convert.ToHexString).Distinct().Count(), names.Select(name => Names.Text(name)).Distinct().Count());
    }

    [Fact]
    public void Long_paths_get_keys_of_their_own()
    {
        var (one, two) = (new string('é', 2000) + "1", new string('é', 2000) + "2");
        Assert.NotEqual(Names.Key(one), Names.Key(two));
        Assert.True(Encoding.UTF8.GetByteCount(Names.Key(one)) <= 1024);
        Assert.Equal(new string('é', 512), Names.Key(new string('é', 512)));
    }

    [Fact]
    public void The_proof_lists_what_differs()
    {
        Assert.True(Proof.Compare(["a", "b"], ["b", "a"]).Holds);
        var proof = Proof.Compare(["a", "c", "d"], ["a", "b"]);
        Assert.False(proof.Holds);
        Assert.Equal((2, "b", "c,d"), (proof.Files, string.Join(',', proof.Missing), string.Join(',', proof.Surplus)));
    }

    private static List<BrookEvent> Parse(string output) => [.. GitLog.Parse(new MemoryStream(Bytes(output)))];

    /// <summary>A bar stands for NUL, a character for a byte.</summary>
    private static byte[] Bytes(string output) => Encoding.Latin1.GetBytes(output.Replace('|', '\0'));

    private sealed class Drip(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(1, buffer.Length)]);
    }
}
