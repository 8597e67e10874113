using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Brook.Redis;

/// <summary>A Lua script of this package: called by its hash, sent whole when the server does not have it.</summary>
internal sealed class Script
{
    public static readonly Script Commit = new("commit.lua"), MayPublish = new("may-publish.lua"), Sweep = new("sweep.lua"), Probe = new("probe.lua"), About = new("about.lua"), ElixirCommit = new("elixir-commit.lua"), Read = new("read.lua"), Page = new("page.lua"), ElixirProbe = new("elixir-probe.lua");

    private readonly string _text;

    private Script(string file)
    {
        using var stream = typeof(Script).Assembly.GetManifestResourceStream(file)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        (_text, Hash) = Named(reader.ReadToEnd());
    }

    private Script(string text, string without) => (_text, Hash) = Named(text.Replace(without, "nil", StringComparison.Ordinal));

    public RedisValue Text => _text;

    public RedisValue Hash { get; }

    /// <summary>The script on a server that does not have this function.</summary>
    internal Script Without(string function) => new(_text, function);

    private static (string Text, string Hash) Named(string text)
    {
#pragma warning disable CA5350 // what Redis calls a script by; nothing secret
        return (text, Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(text))));
#pragma warning restore CA5350
    }
}
