"""The nouns: frozen facts about sessions, jobs, backends, programs and who asks.

None of them is a wire format or a storage format, and none holds a payload: payloads appear as
digest and size.
"""
