import sys,time,torch
from pathlib import Path
torch.set_num_threads(1)
from benchmarks.trust.measured import kept, measured
from benchmarks.trust.trained import case
f=Path('.cache/trust'); f.mkdir(parents=True,exist_ok=True)
apart=sys.argv[1]=='apart'
for n in range(int(sys.argv[2]),int(sys.argv[3])):
    t=time.process_time()
    try:
        m=kept(case(n,apart=apart),f,measured)
        b=m.precision.argmax(); print(n,m.case.ask.family,m.case.kind,m.case.ask.side,m.case.ask.channels,round(m.accuracy,2),m.methods[b],m.precision[b].round(2),(m.precision>=.5).sum(),round(time.process_time()-t,1),flush=True)
    except Exception as e:
        import traceback; traceback.print_exc(); print(n,'FAILED',e,flush=True)
