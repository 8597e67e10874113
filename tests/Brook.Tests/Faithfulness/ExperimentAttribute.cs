namespace Brook.Tests.Faithfulness;

/// <summary>The test covers an experiment that was made with the original (golden/behaviour.json).</summary>
/// <param name="id">The experiment's id.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class ExperimentAttribute(string id) : Attribute
{
    public string Id { get; } = id;
}
