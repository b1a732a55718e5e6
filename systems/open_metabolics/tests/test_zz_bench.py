import gzip, time
from om_support.calls import *
from om_support.jobs import *
from om_support.backend import Backend
from client import run_journey
from test_client_journey import gateway, configuration
def rows():
    with gzip.open('/work/shared/data/open-metabolics/pocket_session.csv.gz','rt') as f:
        return [tuple(map(float,l.split(','))) for l in f]
def test_bench(configuration, backend):
    r=rows()
    s=run_journey(configuration, r, dict(age=34,weight=77,height=178,sex='male'), backend.code, lambda n,f: print(n,f))
    print({k:v for k,v in s.items() if k!='watts'})
    # row mode
    import functions.samples_csv as sc
    lines=["Timestamp,Gyroscope_X,Gyroscope_Y,Gyroscope_Z,Accelerometer_X,Accelerometer_Y,Accelerometer_Z"]+[",".join(map(str,x)) for x in r]
    text="\n".join(lines)
    t=time.perf_counter(); sm=sc.parse(text,max_rows=10**6); print('parse 58k', time.perf_counter()-t, len(text))
    t=time.perf_counter(); ok('save-raw-sensor-data',{'session_id':'rows','csv_data':"\n".join(lines[:5001])}); print('row mode 5000', time.perf_counter()-t)
    t=time.perf_counter(); ok('save-raw-sensor-data',{'session_id':'chunks','csv_data':"\n".join(lines[:5001]),'chunk_samples':250}); print('chunk mode 5000', time.perf_counter()-t)
    for i in range(1,8): ok('save-raw-sensor-data',{'session_id':'rows','csv_data':"\n".join([lines[0]]+lines[5000*i+1:5000*i+5001])})
    from services.energy import recordings
    t=time.perf_counter(); x=recordings.read(backend.raw,'rows',lambda c:None); print('read rows', len(x.time), time.perf_counter()-t)
    ok('manage-user-profile',PROFILE)
    for n in range(3):
        t=time.perf_counter(); ok('save-raw-sensor-data',{'session_id':'one','csv_data':"Timestamp,Accelerometer_X\n1,1"}); print('one', time.perf_counter()-t)
