using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>A Lua script of this package: called by its hash, sent whole when the server does not have it.</summary>
internal sealed class Script
{
    public static readonly Script Commit = new("commit.lua"), Sweep = new("sweep.lua"), Probe = new("probe.lua"), About = new("about.lua"), ElixirCommit = new("elixir-commit.lua"), Read = new("read.lua"), Page = new("page.lua"), ElixirProbe = new("elixir-probe.lua");

    private Script(string file)
    {
        using var stream = typeof(Script).Assembly.GetManifestResourceStream(file)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var text = reader.ReadToEnd();
#pragma warning disable CA5350 // what Redis calls a script by; nothing secret
        (Text, Hash) = (text, Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(text))));
#pragma warning restore CA5350
    }

    public RedisValue Text { get; }

    public RedisValue Hash { get; }
}
