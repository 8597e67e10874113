using System.Text;

namespace Brook.Tests.Docs;

/// <summary>The texts in a C# file outside comments and attributes; what is filled in is <see cref="Hole"/>. Knows ordinary and interpolated strings, which is all that src uses.</summary>
internal sealed class SourceTexts
{
    public const char Hole = '\u2026';
    private readonly List<string> _found = [];
    private readonly string _source;
    private int _at;

    private SourceTexts(string source) => _source = source;

    public static IReadOnlyList<string> Of(string source)
    {
        var code = source.Split('\n').Where(line => line.TrimStart() is var text && !text.StartsWith("//", StringComparison.Ordinal) && !(text.StartsWith('[') && text.Length > 1 && char.IsLetter(text[1])));
        var texts = new SourceTexts(string.Join('\n', code));
        while (texts._at < texts._source.Length) texts.Step();
        return texts._found;
    }

    private void Step()
    {
        if (_source[_at] == '"') Text(interpolated: _at > 0 && _source[_at - 1] == '$');
        else if (_source[_at] == '\'') _at = _source.IndexOf('\'', _at + (_source[_at + 1] == '\\' ? 3 : 2)) + 1;
        else if (_source.AsSpan(_at).StartsWith("//") && _source[_at - 1] != ':') _at = _source.IndexOf('\n', _at);
        else _at++;
    }

    private void Text(bool interpolated)
    {
        var text = new StringBuilder();
        for (_at++; _source[_at] != '"';)
        {
            if (interpolated && _source[_at] == '{' && _source[_at + 1] != '{')
            {
                SkipHole();
                text.Append(Hole);
                continue;
            }
            if (_source[_at] == '\\') text.Append(_source[++_at] == 'n' ? '\n' : _source[_at]);
            else text.Append(_source[_at]);
            _at++;
        }
        _at++;
        _found.Add(text.ToString());
    }

    private void SkipHole()
    {
        var depth = 0;
        do
        {
            if (_source[_at] == '{') depth++;
            if (_source[_at] == '}') depth--;
            Step();
        }
        while (depth > 0);
    }
}
